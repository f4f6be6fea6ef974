import asyncio, json, time, resource
from tests.intake.stage import *
async def test_b(outside):
    outside.services.background.put = lambda ids: None
    import cProfile,pstats
    pr=cProfile.Profile()
    base=sample("gupshup/webhook-v2-message-event-delivered")
    N=2000
    bodies=[]
    for n in range(N):
        base["payload"]["id"]=f"id-{n}"; base["payload"]["gsId"]=f"gs-{n}"
        bodies.append(json.dumps(base).encode())
    it=iter(bodies)
    async def w():
        for b in it:
            r=await outside.http.post(f"/webhooks/gupshup/{TOKEN}",content=b,headers={"X-Webhook-Secret":SECRET})
            assert r.status_code==200,r.status_code
    outside.services.callback_rates._per_second=1e9
    pr.enable() if __import__("os").environ.get("PROF") else None
    c0=time.process_time(); t=time.perf_counter()
    await asyncio.gather(*(w() for _ in range(20)))
    t1=time.perf_counter()-t; c1=time.process_time()-c0
    left=outside.services.background.size()
    await outside.handled()
    t2=time.perf_counter()-t; c2=time.process_time()-c0
    print(f"\nanswered {N/t1:.0f}/s cpu {1000*c1/N:.2f}ms left {left}; handled {N/t2:.0f}/s cpu {1000*c2/N:.2f} ms")
    if __import__("os").environ.get("PROF"):
        pr.disable(); pstats.Stats(pr).sort_stats("tottime").print_stats(35)
