"""Shape what crosses the wire: webhook bodies, tracking answers, errors, dates.

Written from the provider's published pages and recorded samples alone, so that a misreading on the other side shows.
Times leave as India Standard Time without a zone, in two formats, as the order system writes them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulators.carriers.journey import REASONS, RESOLUTIONS, Resource, resolutions_left
from simulators.carriers.state import INDIA, ErrorShape, Failure, Shipment, Workspace, national_number


def database_time(at: datetime) -> str:
    """Write a time as webhooks and expected dates have it."""
    return at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


def tracking_time(at: datetime) -> str:
    """Write a time as the tracking answer's logs have it."""
    return at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S")


def error_body(shape: ErrorShape, *, code: str, message: str) -> dict[str, Any]:
    """Write an error in one of the two shapes seen in the wild."""
    return {"message": message} if shape == "message" else {"error": {"code": code, "message": message}}


def webhook_body(
    workspace: Workspace,
    shipment: Shipment,
    *,
    resource: Resource,
    event: str,
    at: datetime,
    actor: str = "SYSTEM",
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the body that announces an event; `overrides` replace fields of `response_data`."""
    data = _order_data(workspace, shipment)
    if resource == "returnShipment":
        data |= _return_data(shipment)
    elif event in {"failed_delivery", "ndr_resolution_submitted"} and shipment.failure is not None:
        data |= _failure_data(shipment, shipment.failure)
    elif event == "ndr_resolution_rejected":
        data |= {"ndrDetails": {"resolutionStatus": "REJECTED", "resolutionRemark": shipment.log[-1].remark}}
    return {
        "resource": resource,
        "eventType": "POST" if event == "created" else "PUT",
        "eventSubType": event,
        "accountSlug": workspace.slug,
        "accountId": str(workspace.account_id),
        "actor": actor,
        "version": "v1",
        "eventTime": database_time(at),
        "request_data": [],
        "response_data": data | dict(overrides or {}),
    }


def tracking_details(shipment: Shipment) -> dict[str, Any]:
    """Build one parcel's part of the tracking answer: two date formats in one body, log in lower case."""
    return {
        "journeyType": "forward",
        "customerOrderNumber": shipment.order_id,
        "trackingId": shipment.tracking_id,
        "currentStatus": shipment.current_status,
        "dateTime": tracking_time(shipment.log[-1].at),
        "expectedDeliveryDate": f"{shipment.expected_on.isoformat()} 00:00:00",
        "courierPartnerName": shipment.order.courier,
        "statusLogs": [
            {
                "status": entry.status,
                **({"ndrStatus": entry.reason} if entry.reason is not None else {}),
                "remarks": entry.remark,
                **_place(shipment),
                "country": "IN",
                "dateTime": tracking_time(entry.at),
            }
            for entry in shipment.log
        ],
    }


def _order_data(workspace: Workspace, shipment: Shipment) -> dict[str, Any]:
    order = shipment.order
    total = sum(item.total for item in order.items)
    return {
        "customerOrderNumber": shipment.order_id,
        "vendorOrderNumber": f"VO-{shipment.number}",
        "externalShipmentID": shipment.shipment_id,
        "externalChannelID": f"CH{workspace.channel_id}",
        "channelLabel": f"{workspace.brand} Web",
        "orderDate": database_time(shipment.ordered_at),
        "paymentType": order.payment,
        "order_id": shipment.number,
        "channel_id": workspace.channel_id,
        "account_id": workspace.account_id,
        "invoiceNumber": f"INV{shipment.number}",
        "invoiceDate": database_time(shipment.ordered_at),
        "trackingID": shipment.tracking_id,
        "courierName": order.courier,
        "trackingURL": f"https://track.example.in/{shipment.tracking_id}",
        "expectedDeliveryDate": f"{shipment.expected_on.isoformat()} 00:00:00",
        "orderTotal": total,
        # The wording of paymentType varies; only cash on delivery leaves something to pay.
        "balanceDue": total if "cod" in order.payment.lower() or "cash" in order.payment.lower() else 0.0,
        "shippingAddress": {
            "customerName": shipment.customer_name,
            "contactPhone": national_number(shipment.phone),
            "email": order.email,
            "addressLine1": order.address_line1,
            "addressLine2": order.address_line2,
            "city": order.city,
            "state": order.state,
            "postalCode": order.pincode,
            "countryCode": "IN",
            "countryName": "India",
        },
        **({"customerLanguage": order.language} if order.language else {}),
        "items": [
            {
                "orderItemID": f"{shipment.order_id}-{shipment.number + line}",
                "sku": item.sku,
                "productTitle": item.title,
                "brand": item.brand or workspace.brand,
                "gtin": item.gtin,
                "ean": item.ean,
                "upc": item.upc,
                "quantity": item.quantity,
                "lineItemTotal": item.total,
            }
            for line, item in enumerate(order.items)
        ],
    }


def _return_data(shipment: Shipment) -> dict[str, Any]:
    first = shipment.order.items[0] if shipment.order.items else None
    return {
        "externalReturnID": f"RET-{shipment.number}",
        "refundAmount": first.total / first.quantity if first and first.quantity else 0.0,
        "returnReason": "Size issue",
    }


def _failure_data(shipment: Shipment, failure: Failure) -> dict[str, Any]:
    reason = REASONS[failure.reason]
    details: dict[str, Any] = {"ndrCode": reason.code, "reason": reason.reason}
    left = resolutions_left(failure.reason, attempt=failure.attempt)
    if left is not None:
        details["resolutions"] = [{"resolutionCode": code, "action": RESOLUTIONS[code]} for code in left]
    return {
        "attemptCount": failure.attempt,
        "ndrDetails": details,
        "forwardTrackingTimeline": {
            "courierName": shipment.order.courier,
            "statusLog": [
                {
                    "status": "failed_delivery",
                    "ndrStatus": reason.reason,
                    "remark": failure.remark,
                    **_place(shipment),
                    "dateTime": database_time(failure.at),
                }
            ],
        },
    }


def _place(shipment: Shipment) -> dict[str, str]:
    order = shipment.order
    return {
        "location": f"{order.city}_{order.address_line2}_D ({order.state})",
        "city": order.city,
        "state": order.state,
    }
