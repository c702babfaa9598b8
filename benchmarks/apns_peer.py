"""Runs inside a peer's environment: pushes with aioapns and prints how many a second.

python apns_peer.py PORT CA_FILE CERTIFICATE_AND_KEY TOPIC STREAMS SECONDS
"""

import asyncio
import json
import ssl
import sys
import time
from typing import Any


async def main() -> None:
    import aioapns  # type: ignore[import-not-found] # only in the peer's environment
    from aioapns import connection  # only there too

    port, ca_file, certificate, topic, streams, seconds = sys.argv[1:]
    connection.APNsProductionClientProtocol.APNS_SERVER = "127.0.0.1"
    connection.APNsProductionClientProtocol.APNS_PORT = int(port)
    client: Any = aioapns.APNs(
        client_cert=certificate,
        topic=topic,
        max_connections=1,
        ssl_context=ssl.create_default_context(cafile=ca_file),
    )
    client.pool.ssl_context.set_alpn_protocols(["h2"])
    end = [0.0]

    async def push_on(number: int) -> int:
        pushed = 0
        while time.perf_counter() < end[0] or not pushed:
            request = aioapns.NotificationRequest(
                device_token=f"{number:032x}{pushed:032x}",
                message={},
                priority=5,
                push_type=aioapns.PushType.BACKGROUND,
            )
            result = await client.send_notification(request)
            assert result.is_successful
            pushed += 1
        return pushed

    await push_on(0)  # connects
    start = time.perf_counter()
    end[0] = start + float(seconds)
    pushed = sum(await asyncio.gather(*(push_on(number) for number in range(int(streams)))))
    print(json.dumps({"per_second": pushed / (time.perf_counter() - start)}))


if __name__ == "__main__":
    asyncio.run(main())
