# SPDX-License-Identifier: ISC
"""What must hold of every alert, whatever was done to the daemon meanwhile.

A Checker is fed what the receivers accepted, in order, and in the end looks into the state:

  - a notice is one thing under one id, on every receiver and every retry; what arrives twice is
    at most one in a hundred (MOST_TWICE);
  - an incident begins, goes on and ends: at each receiver its numbers rise, it ends at most
    once, nothing follows its end, and who was told of the beginning is told of the end;
  - nobody is reminded before `repeat`, nor after an acknowledgement;
  - the state is whole, knows of every notice that arrived, and says "delivered" of no other.

A Story says what happened in the world, and so what has to be told and what may be:
everything else is invented, everything missing is lost.

Both collect what is wrong in `wrong`; done() raises it all together.
"""

import collections
import contextlib
import fnmatch
import sqlite3

Receipt = collections.namedtuple('Receipt', 'at receiver notice')

MOST_TWICE = 0.01
PENDING, DELIVERED = 0, 1   # of outbox.state


class Checker:
    def __init__(self, repeat=None, most_twice=MOST_TWICE):
        self.repeat, self.most_twice = repeat, most_twice
        self.wrong = []
        self.of_id = {}         # id: what it said
        self.id_of = {}         # (incident, seq, status) or a change's edge: id
        self.had = set()        # (receiver, id)
        self.threads = {}       # (receiver, incident): the last notice
        self.times = {}         # the same: when it was told firing last
        self.acked = {}         # incident: when, and how grave it was then
        self.n, self.twice = 0, 0
        self.receivers = set()

    def complain(self, receipt, what):
        n = receipt.notice
        self.wrong.append(f"{receipt.at} {receipt.receiver}: {what}: {n['status']} {n['event']} {n['subject']} "
                          f"(incident {n['incident']} no. {n['seq']}, id {n['id']}): {n['summary']}")

    def ack(self, incident, at):
        """Somebody knows of it, as grave as it has been told by now: no more, should it get graver."""
        self.acked[incident] = at, max((grave(n) for (_, i), n in self.threads.items() if i == incident), default=0)

    def take(self, *receipts):
        for r in receipts:
            self.n += 1
            self.receivers.add(r.receiver)
            self.identity(r)
            if (r.receiver, r.notice['id']) in self.had:
                self.twice += 1
                continue
            self.had.add((r.receiver, r.notice['id']))
            self.thread(r)

    def identity(self, r):
        n = r.notice
        said = tuple(str(n[k]) for k in ('kind', 'status', 'event', 'subject', 'incident', 'seq', 'before', 'after'))
        if self.of_id.setdefault(n['id'], said) != said:
            self.complain(r, f"one id for two things (before: {self.of_id[n['id']]})")
        thing = ((n['event'], n['subject'], str(n['before']), str(n['after']), n['since'])
                 if n['status'] == 'changed' else (n['incident'], n['seq'], n['status']))
        if self.id_of.setdefault(thing, n['id']) != n['id']:
            self.complain(r, f'one thing under two ids (also {self.id_of[thing]})')

    def thread(self, r):
        n, key = r.notice, (r.receiver, r.notice['incident'])
        before = self.threads.get(key)
        self.threads[key] = n
        if before is None:
            if n['status'] == 'firing':
                self.times[key] = r.at
            return
        if before['status'] == 'resolved':
            self.complain(r, 'told behind the end')
        if n['seq'] <= before['seq']:
            self.complain(r, f"out of order (behind no. {before['seq']})")
        if n['status'] != 'firing':
            return
        graver = grave(n) > grave(before)
        if not graver and self.repeat and r.at - self.times[key] < self.repeat:
            self.complain(r, f'reminded after {r.at - self.times[key]} s')
        at, known = self.acked.get(n['incident'], (r.at, 0))
        if not graver and at < r.at and grave(n) <= known:
            self.complain(r, 'reminded behind an acknowledgement')
        self.times[key] = r.at

    # -- the state ------------------------------------------------------------------------------------

    def state(self, path, drained=True):
        with contextlib.closing(sqlite3.connect(f'file:{path}?mode=ro', uri=True)) as db:
            whole = db.execute('PRAGMA integrity_check').fetchall()
            if whole != [('ok',)]:
                self.wrong.append(f'the state is damaged: {whole[:5]}')
            rows = db.execute('SELECT uid, receiver, state, attempts FROM outbox').fetchall()
            known = {(receiver, uid) for uid, receiver, _, _ in rows}
            for receiver, uid in self.had - known:
                self.wrong.append(f'{receiver} has notice {uid}, the state does not know it: {self.of_id[uid]}')
            for uid, receiver, state, attempts in rows:
                if state == DELIVERED and (receiver, uid) not in self.had:
                    self.wrong.append(f'{uid} was never delivered to {receiver}, the state says so')
                if drained and state == PENDING and attempts:
                    self.wrong.append(f'{uid} still waits for {receiver}')
            for uid, in db.execute('SELECT notice FROM change WHERE notice IS NOT NULL '
                                   'AND notice NOT IN (SELECT uid FROM outbox)'):
                self.wrong.append(f'the change that {uid} tells has no notice')
            self.ends(db)

    def ends(self, db):
        """Who was told of the beginning is told of the end."""
        for uid, event, subject, receiver in db.execute(
                'SELECT i.uid, i.event, i.subject, t.receiver FROM incident i JOIN told t ON t.incident = i.id '
                "WHERE NOT i.open AND i.kind <> 1 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.incident = i.id "
                'AND o.receiver = t.receiver AND o.state = 0)'):
            last = self.threads.get((receiver, uid))
            if last and last['status'] != 'resolved':
                self.wrong.append(f'{receiver} was never told that {event} {subject} ({uid}) is over')

    def done(self):
        if self.twice > max(self.most_twice * self.n, self.most_twice and 1):
            self.wrong.append(f'{self.twice} of {self.n} notices arrived twice')
        report(self.wrong)


class Story:
    """What has to be told, and what may be.  late(receiver, subject, until) moves a time that
    falls where the receiver could not take it, or it was muted, behind that."""

    def __init__(self, late=lambda receiver, subject, until: until):
        self.late = late
        self.musts, self.mays = [], collections.defaultdict(list)
        self.receipts = collections.defaultdict(list)
        self.wrong = []

    def must(self, at, until, subject, event, status='firing', receivers=('hook',), value=None):
        """A notice of this event within this time, or one that it travels with."""
        self.musts.append((at, until, subject, event, status, receivers, value))
        self.may(at, until, subject, event)

    def may(self, at, until, subject, *events):
        """Returns the row [at, until, events], which may be changed later."""
        row = [at, until, events]
        self.mays[subject].append(row)
        return row

    def settle(self, receipts, until):
        """More has arrived; judge what had to be there by then."""
        for r in receipts:
            self.invented(r)
            for name in names(r.notice):
                self.receipts[r.receiver, name].append(r)
        due = [m for m in self.musts if self.by(m) <= until]
        self.musts = [m for m in self.musts if self.by(m) > until]
        for m in due:
            self.lost(*m)

    def by(self, must):
        _, until, subject, _, _, receivers, _ = must
        return max(self.late(r, subject, until) for r in receivers)

    def lost(self, at, until, subject, event, status, receivers, value):
        for receiver in receivers:
            by = self.late(receiver, subject, until)
            # what ended before it could leave is told once, with its end
            statuses = (status, 'resolved') if by != until and status == 'firing' else (status,)
            if not any(at <= r.at <= by and any(told(r.notice, event, s) for s in statuses)
                       and (value is None or value in str(r.notice['after']))
                       for r in self.receipts[receiver, subject]):
                self.wrong.append(f'lost: {status} {event} {subject} to {receiver} in {at}..{by} {value or ""}')

    def invented(self, r):
        n = r.notice
        if not any(at <= r.at and any(fnmatch.fnmatchcase(called(n), e) for e in events)
                   and (r.at <= until or r.at <= self.late(r.receiver, name, until))
                   for name in names(n) for at, until, events in self.mays.get(name, ())):
            self.wrong.append(f"invented: {r.at} {r.receiver}: {n['status']} {n['event']} {n['subject']} "
                              f"{n['domains'][:3]}: {n['summary']}")

    def done(self):
        report(self.wrong)


def grave(notice):
    return ('info', 'warning', 'critical').index(notice['severity'])


def names(notice):
    """Whom it is about: the subject, the host of an address, the domains."""
    return {notice['subject'], notice['subject'].partition('[')[0], *notice['domains']}


def called(notice):
    """The event; "cannot check" has the name of the check that cannot be made."""
    return 'cannot check' if 'annot be checked: ' in notice['summary'] else notice['event']


def told(notice, event, status):
    if status == 'changed':
        return event == notice['event'] or event in (notice['changes'] or [])
    return notice['status'] == status and event == called(notice)


def report(wrong):
    if wrong:
        more = f'\n... and {len(wrong) - 30} more' if len(wrong) > 30 else ''
        raise AssertionError(f'{len(wrong)} wrong:\n' + '\n'.join(wrong[:30]) + more)
