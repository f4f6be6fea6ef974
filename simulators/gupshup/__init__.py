"""A stand-in for Gupshup's self-serve WhatsApp API, with the customers' phones on the screen."""
