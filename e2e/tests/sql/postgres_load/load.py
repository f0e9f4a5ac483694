import asyncio, sys, time
import psycopg

url, idle, busy = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main():
    gate = asyncio.Semaphore(16)

    async def connect():
        async with gate:
            return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=60)

    began = time.monotonic()
    waiting = await asyncio.gather(*(connect() for _ in range(idle)))
    print(f"{idle} idle connections in {time.monotonic() - began:.1f} s")
    working = await asyncio.gather(*(connect() for _ in range(busy)))
    began, taken = time.monotonic(), []

    async def work(number, connection):
        for _ in range(10):
            one = time.monotonic()
            await connection.execute("UPDATE counters SET n = n + 1 WHERE id = %s", (number,))
            row = await (await connection.execute("SELECT n FROM counters WHERE id = %s", (number,))).fetchone()
            taken.append(time.monotonic() - one)
            assert row[0] > 0
    await asyncio.gather(*(work(number, connection) for number, connection in enumerate(working)))
    taken.sort()
    print(f"{busy} busy connections: {len(taken) / (time.monotonic() - began):.0f} pairs of statements/s, "
          f"half within {taken[len(taken) // 2] * 1000:.0f} ms, the slowest {taken[-1] * 1000:.0f} ms")

    async def alive(connection):
        row = await (await connection.execute("SELECT 1")).fetchone()
        return row == (1,)
    assert all(await asyncio.gather(*(alive(connection) for connection in waiting + working)))
    print("all answer")
    await asyncio.gather(*(connection.close() for connection in waiting + working))


asyncio.run(main())
