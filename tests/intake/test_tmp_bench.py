import json, time, asyncio, cProfile, pstats
from tests.intake.stage import *
from tests.factories import failed_delivery
async def test_b(stage):
    row = await stage.open(failed_delivery())
    await stage.send(row, gupshup_id=GUPSHUP_ID)
    base=sample("gupshup/webhook-v2-message-event-delivered")
    ids=[]
    for n in range(600):
        base["payload"]["id"]=f"id-{n}"; base["payload"]["gsId"]=f"gs-{n}"
        ids.append(await stage.store(base))
    pr=cProfile.Profile()
    c0=time.process_time(); t=time.perf_counter()
    sem=asyncio.Semaphore(8)
    async def one(i):
        async with sem: await stage.intake.handle(i)
    await asyncio.gather(*(one(i) for i in ids[:400]))
    print(f"\n{400/(time.perf_counter()-t):.0f}/s cpu {1000*(time.process_time()-c0)/400:.2f}")
    pr.enable()
    for i in ids[400:]: await stage.intake.handle(i)
    pr.disable(); pstats.Stats(pr).sort_stats("cumtime").print_stats(60)
