# SPDX-License-Identifier: ISC
"""One event loop in a thread for all scripted servers, and waiting for conditions."""

import asyncio
import threading
import time


class Loop:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name='lab', daemon=True)
        self.thread.start()

    def run(self, coroutine, timeout=10):
        """Run in the loop and hand back the result; callable from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def stop(self):
        async def cancel_all():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


def wait_for(condition, seconds, what, pause=0.02):
    """Ask condition() until it is true; its value, or AssertionError naming what was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'waited {seconds} s in vain: {what() if callable(what) else what}')
        time.sleep(pause)


class Listener:
    """A TCP server on one address that can go away and come back on the same port."""

    def __init__(self, loop, serve, address, port):
        self.loop, self.serve, self.address, self.port = loop, serve, address, port
        self.server, self.tasks = None, set()

    async def _client(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.serve(reader, writer)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                asyncio.CancelledError, ValueError):
            pass
        finally:
            self.tasks.discard(task)
            writer.transport.abort()

    async def _up(self):
        if self.server is None:
            self.server = await asyncio.start_server(self._client, self.address, self.port,
                                                     limit=1 << 20, reuse_address=True)

    async def _down(self):
        if self.server is not None:
            self.server.close()
            self.server = None
        for task in list(self.tasks):
            task.cancel()

    def up(self):
        self.loop.run(self._up())

    def down(self):
        self.loop.run(self._down())
