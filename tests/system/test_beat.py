# SPDX-License-Identifier: ISC
"""What the engine asks of its notifier beside deliveries: heartbeats, programs."""

import signal
import time

from engine_bench import Bench, World, wait_for


def bench_with(tmp_path, more):
    world = World()
    world.domain('a.test')
    return Bench(tmp_path, world, more=more)


def test_heartbeats_come_at_their_time_and_not_while_the_engine_stands(tmp_path):
    bench = bench_with(tmp_path, 'heartbeat: [{url_file: /etc/beat, every: 10s},'
                                 ' {url: "https://beat.example.test/x", every: 1h}]').start()
    wait_for(lambda: len(bench.beats) == 3, 25, bench.said)
    assert [b for _, b in bench.beats].count({'url': 'https://beat.example.test/x'}) == 1
    times = [t for t, b in bench.beats if b == {'url_file': '/etc/beat'}]
    assert 9 < times[1] - times[0] < 17, times
    bench.process.send_signal(signal.SIGSTOP)
    n, until = len(bench.beats), time.monotonic() + 12
    wait_for(lambda: time.monotonic() > until, 20, bench.said)
    assert len(bench.beats) == n
    bench.process.send_signal(signal.SIGCONT)
    wait_for(lambda: len(bench.beats) > n, 10, bench.said)
    assert bench.stop() == 0


def test_a_reload_names_other_programs_and_places(tmp_path):
    bench = bench_with(tmp_path, 'heartbeat: [{url_file: /etc/beat, every: 1h}]').start()
    wait_for(lambda: bench.programs == [] and bench.beats, 10, bench.said)
    bench.more = 'heartbeat: [{url_file: /etc/other, every: 1h}]'
    bench.write()
    with open(bench.file, encoding='ascii') as f:
        text = f.read().replace('receivers:\n', 'receivers:\n  own: {exec: {command: [/bin/true, x]}}\n', 1)
    with open(bench.file, 'w', encoding='ascii') as f:
        f.write(text)
    assert bench.reload()['ok'], bench.reloaded
    wait_for(lambda: bench.programs == ['/bin/true'], 10, bench.said)
    wait_for(lambda: bench.beats[-1][1] == {'url_file': '/etc/other'}, 10, bench.said)
    assert bench.stop() == 0
