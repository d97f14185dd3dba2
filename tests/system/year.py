#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A year of a thousand domains in minutes: the real engine in simulated time (simulation.py), with
troubles drawn from a seed, and after every simulated day the question of checker.py: is what
had to be told told, and nothing else?

    tests/system/year.py [--seed N] [--domains N] [--days N] [--interval HOURS] [--trace] [--plant FAULT]

Without arguments a short one; `make check` has its own (year), doc/hacking.md the long one.  The
seed is printed first, and gives the same course again.  --plant falsifies one notice that
arrived (PLANTS): the run must fail then.

Four domains in five share one MX.  What happens: hosts that are down, for moments or for days;
STARTTLS that goes away; certificates renewed in time, late or not at all; other TLS-RPT
addresses, policy ids and modes; zones that lose their signatures; throttling and failing lookups
(which are no news until they last); hosts that flap; outages of our own resolver and of
our own way out; receivers that refuse for hours; silences, a weekly maintenance window in a zone
with summer time, acknowledgements; and an engine that is killed.
"""

import argparse
import collections
import contextlib
import datetime
import heapq
import math
import os
import random
import sys
import tempfile
import time
import zoneinfo

import engine_bench
from checker import Checker, Story
from engine_bench import SECURE, World, certificate
from simulation import EPOCH, Simulation

MINUTE, HOUR, DAY = 60, 3600, 86400
REPEAT, RETRY, CONFIRM_FAIL, CONFIRM_OK, UNKNOWN_AFTER = DAY, 120, 3, 2, 6 * HOUR
SLACK = 10 * MINUTE         # from the last sighting that counts to the receivers
DEAF = 8 * HOUR             # at most, of a receiver
GREY = 2 * HOUR             # behind an outage of our own, before everything is seen again

DOWN = {'stage': 'connect', 'class': 'refused', 'text': 'connection refused', 'code': 111}
THROTTLED = {'stage': 'greeting', 'class': 'throttled', 'text': '421 try later', 'code': 421}
NO_WAY_OUT = {'stage': 'connect', 'class': 'local', 'text': 'network is unreachable', 'code': 101}
FAILED = {'status': 'failed', 'dnssec': 'unknown', 'ttl_s': 0,
          'failure': {'stage': 'dns', 'class': 'dns', 'text': 'SERVFAIL'}}

PLANTS = {'lost': ('changed', 'tls_rpt.changed'), 'silent': ('firing', 'host.unreachable'),
          'endless': ('resolved', 'host.unreachable'), 'twice': ('firing', 'host.unreachable'),
          'invented': ('firing', 'host.unreachable')}

CONFIGURATION = '''\
state: {{path: @state@}}
resolver: {{mode: system}}
probe: {{processes: 1, open_relay: false, per_ip_gap: 0s, allow_private: true}}
defaults: {{interval: {hours}h, checks: {{submission: off}}}}
groups: {{gold: {{}}}}
receivers:
  hook: {{webhook: {{url: "https://hook.example.test/"}}}}
  mail: {{email: {{to: [oncall@ops.test], from: mxwatch@ops.test, relay: "smtp://127.0.0.1:25"}}}}
route:
  receivers: [hook]
  routes:
  - {{match: {{}}, receivers: [hook], continue: true}}
  - {{match: {{severity: info}}, receivers: [mail], digest: {{at: "08:00"}}}}
  - {{match: {{}}, receivers: [mail]}}
maintenance:
- {{name: weekly, match: {{groups: gold}}, days: [sun], start: "02:30", duration: 3h, timezone: Europe/Berlin}}
web: {{listen: [127.0.0.1:9791]}}
domains:
{domains}
'''


def planted(what, receipts):
    """With one notice of a day falsified, or as they are when there is none such."""
    for k, r in enumerate(receipts):
        n = r.notice
        if r.receiver == 'hook' and (n['status'], n['event']) == PLANTS[what]:
            other = {'twice': {'id': 'f' * 32}, 'invented': {'id': 'f' * 32, 'incident': 'f' * 32, 'event': 'mx.removed'}}
            lies = [r._replace(notice=n | other[what])] if what in other else []
            return receipts[:k] + ([r] if lies else []) + lies + receipts[k + 1:]
    return receipts


class Outside(World):
    """The world behind our own way out, which may be blocked whatever else is wrong there."""
    way_out = True

    def observe(self, order):
        o = super().observe(order)
        if not self.way_out and order['kind'] == 'host' and self.resolver:
            o['host']['services'] = [{k: s[k] for k in ('address', 'port', 'ptr', 'ptr_confirmed', 'ptr_asked_forward')} |
                                     {'failure': NO_WAY_OUT} for s in o['host']['services']]
        return o


class Sightings:
    """What one trouble looks like to who asks now and then, and when it has to be believed."""

    def __init__(self, confirm):
        self.confirm = confirm
        self.fails = self.oks = self.counted = 0
        self.opened = self.closed = None

    def see(self, at, bad):
        if self.closed:
            return
        apart = at - self.counted >= RETRY / 2
        if bad:
            self.oks = 0
            if self.fails == 0 or apart:
                self.fails, self.counted = self.fails + 1, at
            if self.opened is None and self.fails >= self.confirm:
                self.opened = at
        elif self.opened is None:
            self.fails = 0
        elif self.oks == 0 or apart:
            self.oks, self.counted, self.fails = self.oks + 1, at, 0
            if self.oks >= CONFIRM_OK:
                self.closed = at


class Trouble:
    """Something wrong with a subject for a while, under the name it has to be told by."""

    def __init__(self, year, subject, event, confirm=CONFIRM_FAIL, more=()):
        self.year, self.subject, self.event, self.more = year, subject, event, more
        self.wrong, self.begun, self.ended = True, year.now, None
        # what is definitive may be judged by the clock, without another look
        self.early = self.begun if confirm == 1 else None
        # two views: what is seen in the grey behind an outage may count, or not
        self.sure, self.maybe = Sightings(confirm), Sightings(confirm)
        self.told = self.over = False
        year.troubles[subject].append(self)

    def end(self):
        self.wrong, self.ended = False, self.year.now

    def probe(self, at, grey):
        self.maybe.see(at, self.wrong)
        if not grey:
            self.sure.see(at, self.wrong)
        self.expect()

    def expect(self):
        y, story = self.year, self.year.story
        domains = y.domains_of(self.subject)
        if self.maybe.opened and not self.told:
            self.told = True
            self.may = story.may(self.early or self.maybe.opened, math.inf, self.subject, self.event, *self.more)
        if self.sure.opened and not hasattr(self, 'musted'):
            self.musted = self.sure.opened
            at = max(self.musted, y.muted_until(domains, self.musted))
            y.at(at + 1, lambda: self.due(at))
        if not self.wrong and (self.sure.closed or (self.sure.opened is None and self.sure.fails == 0)) and not self.over:
            self.over = True
            if self.told:
                self.may[1] = y.now + SLACK
            y.at(y.now + DAY, lambda: y.troubles[self.subject].remove(self))

    def due(self, at):
        """Nothing mutes it any more; what is over by now need not be told."""
        y = self.year
        if self.sure.closed and self.sure.closed <= at + SLACK:
            return
        again = y.muted_until(y.domains_of(self.subject), y.now)
        if again:
            y.at(again + 1, lambda: self.due(again))
            return
        # by the clock: when the domain is judged next
        by = max(at, y.now) + SLACK + (y.hours * HOUR if self.early else 0)
        y.story.must(self.early or self.maybe.opened, by, self.subject, self.event,
                     receivers=('hook', 'mail'))
        y.counts[self.event] += 1


class Change:
    """Something definitive: the first look that sees it has to tell it, unless it is muted then."""

    def __init__(self, year, name, event, value):
        self.year, self.name, self.event, self.value, self.begun = year, name, event, value, year.now
        self.muted = False      # by the time of a look that may have seen it: then it is in the history only
        year.troubles[name].append(self)

    def probe(self, at, grey):
        y = self.year
        self.muted = self.muted or any(y.mute_of(self.name, t) for t in (at - 1, at, at + 1))
        if grey:
            return
        y.troubles[self.name].remove(self)
        if self.muted:
            return
        morning = at + MINUTE + (8 * HOUR - at - MINUTE) % DAY  # the digest
        for receiver, by in ('hook', at), ('mail', morning):
            y.story.must(self.begun, by + SLACK, self.name, self.event, 'changed', (receiver,), self.value)
        y.counts[self.event] += 1


class Year:
    def __init__(self, directory, seed, domains, days, hours, trace, plant=None):
        self.dice = random.Random(seed)
        self.days, self.hours, self.trace, self.plant = days, hours, trace, plant
        self.world, self.story, self.checker = Outside(), Story(self.late), Checker(repeat=REPEAT)
        self.heap, self.n = [], 0
        self.troubles = collections.defaultdict(list)
        self.busy = {}          # subject: until when something else is going on there
        self.counts = collections.Counter()
        self.taken, self.grey_until = 0, 0
        self.silences = []      # (from, until, domain)
        self.refusals = []      # (from, until, receiver)
        self.looked = {}        # subject: when
        self.outage = None
        engine_bench.clock = lambda: EPOCH
        for n in range(domains):
            d = self.world.domain(f'd{n:04}.test', *(['mx.big.test'] if n % 5 else []))
            if n % 7 == 0:
                d.mode = 'enforce'
        self.gold = {f'd{n:04}.test' for n in range(0, domains, 10)}
        self.members = collections.defaultdict(list)
        for d in self.world.domains.values():
            for h in d.mx:
                self.members[h].append(d.name)
        rows = [f'- {{name: {d}, groups: [gold]}}' if d in self.gold else f'- {d}' for d in self.world.domains]
        self.sim = Simulation(directory, self.world, CONFIGURATION.format(hours=hours, domains='\n'.join(rows)), seed)
        self.sim.on_probe = self.probed

    # -- time ------------------------------------------------------------------------------------------

    @property
    def now(self):
        return self.sim.wall

    def at(self, when, what):
        self.n += 1
        heapq.heappush(self.heap, (max(when, self.now), self.n, what))

    def until(self, end):
        while self.heap and self.heap[0][0] <= end:
            when, _, what = heapq.heappop(self.heap)
            self.sim.until(when)
            what()
        self.sim.until(end)

    def say(self, *words):
        if self.trace:
            print(datetime.datetime.fromtimestamp(self.now, datetime.timezone.utc).isoformat(' ', 'seconds')[:19], *words)

    # -- what mutes ------------------------------------------------------------------------------------

    def windows(self, t):
        """The maintenance window that holds t: (from, until), in Berlin's time."""
        zone = zoneinfo.ZoneInfo('Europe/Berlin')
        day = datetime.datetime.fromtimestamp(t, zone).date()
        for d in day, day - datetime.timedelta(days=1):
            if d.weekday() == 6:
                # RFC 5545 section 3.3.5: a time that is skipped has the offset of before, as with fold=0
                at = int(datetime.datetime(d.year, d.month, d.day, 2, 30, tzinfo=zone).timestamp())
                if at <= t < at + 3 * HOUR:
                    return at, at + 3 * HOUR
        return None

    def mute_of(self, domain, t):
        ends = [until for at, until, d in self.silences if d == domain and at <= t < until]
        window = domain in self.gold and self.windows(t)
        return max([*ends, *([window[1]] if window else [])], default=0)

    def muted_until(self, domains, t):
        """0 unless every one of the domains is muted."""
        return min((self.mute_of(d, t) for d in domains), default=0)

    def quiet(self, subject, at, until):
        """Nothing of our own or of maintenance is in the way between these times, as far as is known."""
        return not (self.outage or self.grey_until > at or any(
            self.muted_until(self.domains_of(subject), t) for t in range(at, until, HOUR)))

    def late(self, receiver, subject, until):
        """A time that falls where the receiver refuses, or the subject is muted, is moved behind that:
        a refused notice is tried again within the hour, a muted one leaves when it ends."""
        while True:
            ends = [end for at, end, r in self.refusals if r == receiver and at <= until < end]
            ends += [m + SLACK for t in (until, until - SLACK) if (m := self.muted_until(self.domains_of(subject), t))]
            if not ends or max(ends) <= until:
                return until
            until = max(ends)

    def domains_of(self, subject):
        return self.members.get(subject) or [subject]

    # -- what is seen ----------------------------------------------------------------------------------

    def probed(self, order, at):
        subject = order['subject']
        self.looked[subject] = at
        for t in list(self.troubles.get(subject, ())):
            if self.outage != 'resolver' and (isinstance(t, Change) or not self.outage):
                t.probe(at, bool(self.outage) or at < self.grey_until)

    def forgotten(self):
        """Everything is looked at in every interval, whatever else happens."""
        since = self.now - self.hours * HOUR - SLACK
        for subject in (*self.world.domains, *self.world.hosts):
            if self.looked.get(subject, 0) < since:
                self.story.wrong.append(f'not looked at since {self.looked.get(subject)}: {subject}')

    def recheck(self, domain):
        self.sim.wish('recheck', subject=domain)

    # -- troubles --------------------------------------------------------------------------------------

    def free(self, names, lasting):
        """One of them that nothing else happens to for so long; it is taken."""
        for _ in range(20):
            name = self.dice.choice(names)
            related = [name, *self.domains_of(name), *(self.world.domains[name].mx if name in self.world.domains else [])]
            if name == 'mx.big.test' and any(self.busy.get(d, 0) > self.now for d in related):
                continue
            if all(self.busy.get(r, 0) <= self.now for r in (name, *related[-1:])):
                for r in (name, *([] if name == 'mx.big.test' else self.domains_of(name))):
                    self.busy[r] = self.now + lasting + 3 * self.hours * HOUR + DAY
                return name
        return None

    def hosts(self):
        return [h for h in self.world.hosts if h != 'mx.big.test' or self.dice.random() < 0.1]

    def lasting(self, least, most):
        return int(math.exp(self.dice.uniform(math.log(least), math.log(most))))

    def host_trouble(self, event, least, most, more, **how):
        """Attributes of a host are others for a while."""
        lasts = self.lasting(least, most)
        name = self.free(self.hosts(), lasts)
        if not name:
            return
        host = self.world.hosts[name]
        before = {k: getattr(host, k) for k in how}
        trouble = Trouble(self, name, event, more=('grade.*', 'delivery.sender_view', *more))
        self.say('begins:', event, name, f'for {lasts / 3600:.1f} h')

        def put(values):
            for k, v in values.items():
                setattr(host, k, v)
            self.sim.changed(name)

        def over():
            self.say('ends:', event, name)
            put(before)
            trouble.end()
            for d in self.members[name]:
                self.story.may(self.now, self.now + 2 * DAY, d, 'grade.*')

        put(how)
        for d in self.members[name]:
            self.story.may(self.now, self.now + lasts + 2 * DAY, d, 'grade.*')
        self.at(self.now + lasts, over)
        if self.dice.random() < 0.5:
            self.recheck(self.members[name][0])

    def down(self):
        self.host_trouble('host.unreachable', 10 * MINUTE, 3 * DAY, (), failure=DOWN)

    def moment(self):
        self.host_trouble('host.unreachable', 20, 3 * MINUTE, (), failure=DOWN)

    def plaintext(self):
        self.host_trouble('starttls.lost', HOUR, 2 * DAY, ('starttls.gained',), starttls=False)

    def unclear(self):
        """Nothing that may be told before it has lasted; then once."""
        lasts = self.lasting(HOUR, 2 * DAY)
        domains = self.dice.random() < 0.5
        name = self.free(list(self.world.domains) if domains else self.hosts(), lasts)
        if not name:
            return
        thing = (self.world.domains if domains else self.world.hosts)[name]
        self.say('begins: unclear', name, f'for {lasts / 3600:.1f} h')
        if domains:
            thing.mx_status = FAILED
        else:
            thing.failure = THROTTLED
        self.sim.changed(name)
        rounds = 2 * self.hours * HOUR + GREY + SLACK
        end = self.now + lasts + rounds
        self.story.may(self.now + UNKNOWN_AFTER, end, name, 'cannot check')
        if lasts > UNKNOWN_AFTER + rounds and self.quiet(name, self.now, end):
            self.story.must(self.now, end, name, 'cannot check', receivers=('hook', 'mail'))
            self.story.must(self.now, end + DAY, name, 'cannot check', 'resolved', receivers=('hook', 'mail'))
            self.counts['cannot check'] += 1

        def over():
            if domains:
                thing.mx_status = None
            else:
                thing.failure = None
            self.sim.changed(name)
        self.at(self.now + lasts, over)

    # -- changes ---------------------------------------------------------------------------------------

    def change(self, name, event, value):
        """It has to be told when it is seen and, where it is no more than that, in the next digest."""
        seen_by = self.now + self.hours * HOUR + GREY + SLACK
        self.story.may(self.now, seen_by + DAY + SLACK, name, event, 'grade.*')
        Change(self, name, event, value)

    def rua(self):
        name = self.free(list(self.world.domains), self.hours * HOUR)
        if name:
            self.n_values += 1
            d = self.world.domains[name]
            d.rua = f'mailto:r{self.n_values}@{name}'
            self.sim.changed(name)
            self.change(name, 'tls_rpt.changed', d.rua)

    def policy_id(self):
        name = self.free([d.name for d in self.world.domains.values() if d.mode], self.hours * HOUR)
        if name:
            self.n_values += 1
            d = self.world.domains[name]
            d.policy_id = f'v{self.n_values}'
            self.sim.changed(name)
            self.change(name, 'mta_sts.id_changed', d.policy_id)

    # -- certificates ----------------------------------------------------------------------------------

    def certificates(self):
        """Ninety days each; renewed a month before the end, or late, or too late."""
        for d in self.world.domains.values():
            d.policy_cert = certificate(f'mta-sts.{d.name}', days=4000, lifetime=4100)
        for name, host in self.world.hosts.items():
            left = self.dice.randrange(32 + self.hours // 8, 89)  # behind the first look
            host.cert = certificate(name, days=left)
            self.next_certificate(host, EPOCH + left * DAY)

    def next_certificate(self, host, end):
        late = self.dice.random() < 0.15
        days = self.dice.uniform(-3, 20) if late else 30
        self.at(end - int(days * DAY), lambda: self.renew(host, late))
        if late:
            self.at(end - 21 * DAY, lambda: self.run_out(host, end, days))

    def run_out(self, host, end, days):
        """Each step of this certificate once."""
        self.say('runs out:', host.name, f'renewed with {days:.1f} days left')
        self.busy[host.name] = max(self.busy.get(host.name, 0), end - days * DAY + 2 * DAY)
        host.runs_out = Trouble(self, host.name, 'cert.expiring', confirm=1,
                                more=('cert.*', 'tls.cert.*', 'grade.*', 'delivery.sender_view'))
        for d in self.members[host.name]:
            self.story.may(self.now, end - days * DAY + 2 * DAY, d, 'grade.*', 'delivery.sender_view')

    def renew(self, host, late):
        self.n_values += 1
        host.cert = certificate(host.name, days=90, serial=self.n_values)
        self.sim.changed(host.name)
        self.say('renewed:', host.name)
        if host.failure is None and host.starttls:
            # seen at the next look, which an unclear answer can put off for two days, and told in
            # the digest of the morning after
            seen = self.now + self.hours * HOUR + 2 * DAY + GREY
            self.story.may(self.now, seen + DAY + SLACK, host.name, 'cert.*', 'tls.cert.*', 'grade.*')
        else:
            self.story.may(self.now, self.now + 10 * DAY, host.name, 'cert.*', 'tls.cert.*', 'grade.*')
        if late:
            host.runs_out.end()
        self.next_certificate(host, self.now + 90 * DAY)

    # -- our own ---------------------------------------------------------------------------------------

    def blind(self):
        """Our resolver, or our way out."""
        lasts = self.lasting(5 * MINUTE, 6 * HOUR)
        kind = self.dice.choice(['resolver', 'way out'])
        if self.outage:
            return
        self.outage = kind
        began = self.now
        self.say('begins: without', kind, f'for {lasts / 3600:.1f} h')
        self.story.may(self.now, self.now + lasts + GREY, 'monitor', 'monitor.blind', 'self.*')
        if kind == 'resolver':
            self.world.resolver = False
            self.sim.say_self()
        else:
            self.world.way_out = False
        self.sim.changed()

        def over():
            self.say('ends: without', kind)
            if kind == 'resolver':
                self.world.resolver = True
                self.sim.say_self()
                self.story.must(began, began + SLACK, 'monitor', 'monitor.blind', 'firing', ('hook', 'mail'))
                self.story.must(self.now, self.now + SLACK, 'monitor', 'monitor.blind', 'resolved',
                                ('hook', 'mail'))
            else:
                self.world.way_out = True
            self.sim.changed()
            self.outage, self.grey_until = None, self.now + GREY
        self.at(self.now + lasts, over)

    def killed(self):
        self.say('killed')
        self.sim.kill()
        self.sim.start()

    def deaf(self):
        """A receiver takes nothing for hours."""
        receiver, lasts = self.dice.choice(['hook', 'mail']), self.lasting(HOUR, DEAF)
        if self.sim.answers:
            return
        self.say('deaf:', receiver, f'for {lasts / 3600:.1f} h')
        self.sim.answers[receiver] = {'outcome': 'retry', 'code': 450, 'text': 'not now'}
        self.refusals.append((self.now, self.now + lasts + 70 * MINUTE, receiver))
        self.story.may(self.now, self.now + lasts + 2 * HOUR, 'monitor', 'notify.delivery')
        self.at(self.now + lasts, self.sim.answers.clear)

    def silence(self):
        name, lasts = self.dice.choice(list(self.world.domains)), self.lasting(HOUR, 3 * DAY)
        answer = self.sim.wish('silence-add', author='kim', reason='work',
                               args={'match': {'domain': name}, 'duration': f'{lasts}s'})
        assert answer['status'] == 200, answer
        self.say('silence:', name, f'for {lasts / 3600:.1f} h')
        self.silences.append((self.now, self.now + lasts, name))

    def acknowledge(self):
        firing = [n for (receiver, _), n in self.checker.threads.items()
                  if receiver == 'hook' and n['status'] == 'firing' and n['kind'] == 'problem']
        if firing:
            uid = self.dice.choice(firing)['incident']
            if self.sim.wish('ack', subject=uid, author='kim', reason='known')['status'] == 200:
                self.say('acknowledged:', uid)
                # a reminder may be on its way
                self.checker.ack(uid, max(self.late(r, None, self.now + SLACK) for r in ('hook', 'mail')))

    # -- a year ----------------------------------------------------------------------------------------

    OFTEN = ((down, 4), (moment, 3), (plaintext, 2), (unclear, 2), (rua, 5), (policy_id, 3), (silence, 1),
             (acknowledge, 1), (blind, 0.3), (deaf, 0.3), (killed, 0.3))

    def day(self, number):
        """Draw what happens today, live it, and ask whether all was told."""
        end = self.now + DAY
        scale = max(0.4, min(1, len(self.world.domains) / 400))
        if number < self.days - 3:
            for what, often in self.OFTEN:
                for _ in range(int(often * scale) + (self.dice.random() < often * scale % 1)):
                    self.at(self.now + self.dice.randrange(DAY), lambda w=what: w(self))
        self.until(end)
        new = self.sim.receipts[self.taken:]
        self.taken = len(self.sim.receipts)
        if self.plant and planted(self.plant, new) != new:
            self.plant, new = None, planted(self.plant, new)
        for r in new:
            self.say(f"told {r.receiver} at {datetime.datetime.fromtimestamp(r.at, datetime.timezone.utc):%d. %H:%M:%S}:",
                     r.notice['status'], r.notice['event'], r.notice['subject'], r.notice['domains_total'], r.notice['changes'])
        self.checker.take(*new)
        self.told_while_muted(new)
        self.forgotten()
        assert not self.sim.hung_up, self.sim.said()
        self.story.settle(new, self.now - SLACK)
        self.checker.done()
        self.story.done()

    def told_while_muted(self, receipts):
        for r in receipts:
            n = r.notice
            if n['status'] == 'resolved' or n['kind'] == 'daemon' or n['domains_total'] > len(n['domains']):
                continue
            if self.muted_until(n['domains'], r.at - 60) and self.muted_until(n['domains'], r.at):
                self.checker.complain(r, 'told while muted')

    def live(self):
        self.n_values = 0
        self.certificates()
        self.sim.start()
        # the first look is silent, and over
        self.until(self.now + 3 * self.hours * HOUR)
        assert not self.sim.receipts, [r.notice['summary'] for r in self.sim.receipts]
        began = time.monotonic()
        for number in range(self.days):
            self.day(number)
            if (number + 1) % 30 == 0:
                print(f'{number + 1} days, {self.checker.n} notices, {time.monotonic() - began:.0f} s', file=sys.stderr, flush=True)
        self.sim.run(3 * HOUR)
        self.checker.take(*self.sim.receipts[self.taken:])
        status = self.sim.stop()
        assert status == 0, self.sim.said()
        self.checker.state(f'{self.sim.state}/state.db')
        self.checker.done()


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 30))
    p.add_argument('--domains', type=int, default=40)
    p.add_argument('--days', type=int, default=21)
    p.add_argument('--interval', type=int, default=6, metavar='HOURS')
    p.add_argument('--trace', action='store_true', help='say what happens and what is told')
    p.add_argument('--plant', choices=PLANTS, metavar='FAULT', help=f'falsify one notice: {", ".join(PLANTS)}')
    a = p.parse_args()
    print(f'seed {a.seed}: {a.domains} domains, {a.days} days, looked at every {a.interval} h', flush=True)
    began = time.monotonic()
    place = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as directory:
        year = Year(directory, a.seed, a.domains, a.days, a.interval, a.trace, a.plant)
        try:
            year.live()
        except AssertionError as e:
            print(e)
            return 1
        finally:
            if year.sim.process and year.sim.process.poll() is None:
                with contextlib.suppress(OSError):
                    year.sim.kill()
    print(f'{year.checker.n} notices, {year.checker.twice} twice; {dict(year.counts)}; '
          f'{time.monotonic() - began:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
