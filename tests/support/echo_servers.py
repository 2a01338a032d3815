"""Servers that say everything back, until they are killed: TCP and UDP at one port, WebSocket and gRPC (of their libraries) at others.

    python3 echo_servers.py 127.0.0.2 9001 9002 9003
"""
import asyncio
import concurrent.futures
import sys

import grpc
import websockets


async def say_back(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()  # the client has said its last, and so have we
    except ConnectionError:
        writer.close()


async def say_messages_back(connection, _path=None):
    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosed:
        pass


class SayDatagramsBack(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


class SayCallsBack(grpc.GenericRpcHandler):
    """Any method: a stream both ways."""

    def service(self, details):
        return grpc.stream_stream_rpc_method_handler(lambda requests, _context: requests)


def calls(address, port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
    server.add_generic_rpc_handlers((SayCallsBack(),))
    assert server.add_insecure_port(f"{address}:{port}")
    server.start()
    return server


async def serve(address, tcp, web, rpc):
    said_back = calls(address, rpc)
    await asyncio.start_server(say_back, address, tcp, backlog=256)
    await asyncio.get_running_loop().create_datagram_endpoint(SayDatagramsBack, local_addr=(address, tcp))
    async with websockets.serve(say_messages_back, address, web, max_size=None, ping_interval=None):
        print("ready", flush=True)
        await asyncio.Event().wait()
    said_back.stop(None)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], *map(int, sys.argv[2:])))
