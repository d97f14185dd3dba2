# SPDX-License-Identifier: ISC
"""What each service takes, as JSON schemas written from its public documentation, limits included.

A schema is as strict as its service, or stricter: what is not named is not sent."""


def thing(required, optional=None, **more):
    """An object with exactly these members."""
    return {'type': 'object', 'properties': {**required, **(optional or {})}, 'required': list(required),
            'additionalProperties': False, **more}


def text(most=None, least=1):
    return {'type': 'string', 'minLength': least, **({'maxLength': most} if most else {})}


def const(value):
    return {'const': value}


def one_of(*values):
    return {'enum': list(values)}


def several(items, most=None, least=0):
    return {'type': 'array', 'items': items, 'minItems': least, **({'maxItems': most} if most else {})}


TIME = {'type': 'string', 'pattern': r'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'}
LINK = {'type': 'string', 'pattern': '^https?://', 'maxLength': 2000}
ANY = {}


def nullable(schema):
    return {'anyOf': [schema, {'type': 'null'}]}


# -- the contract's own document -------------------------------------------------------------------

EVENT = thing({
    'schema': const(1), 'id': text(), 'incident': text(), 'seq': {'type': 'integer', 'minimum': 1},
    'kind': one_of('problem', 'change', 'daemon', 'test'), 'status': one_of('firing', 'resolved', 'changed'),
    'event': text(), 'severity': one_of('info', 'warning', 'critical'), 'check': nullable(text()),
    'subject': text(), 'domains': several(text(), 50), 'domains_total': {'type': 'integer', 'minimum': 0},
    'summary': text(), 'before': ANY, 'after': ANY, 'expected': nullable(text()), 'actual': nullable(text()),
    'impact': nullable(text(least=0)), 'advice': nullable(text()), 'reference': nullable(text()),
    'changes': several(text()), 'since': nullable(TIME), 'last_ok': nullable(TIME),
    'confirmed_by': {'type': 'integer'}, 'owner': nullable(text()),
    'tags': {'type': 'object', 'additionalProperties': text(least=0)}, 'url': nullable(LINK),
    'runbook_url': nullable(text())})
JSON = {**EVENT, 'properties': {**EVENT['properties'], 'digest': several(EVENT, 1000, 1)}}

# CloudEvents 1.0.2, JSON format, structured mode
CLOUDEVENTS = thing({'specversion': const('1.0'), 'id': text(), 'source': text(), 'type': text(),
                     'subject': text(), 'time': TIME, 'datacontenttype': const('application/json'),
                     'data': JSON}, propertyNames={'pattern': '^[a-z0-9]{1,20}$'})

# -- Alertmanager ----------------------------------------------------------------------------------

LABELS = {'type': 'object', 'propertyNames': {'pattern': '^[a-zA-Z_][a-zA-Z0-9_]*$'},
          'additionalProperties': text()}
NAMED = {**LABELS, 'required': ['alertname', 'severity', 'job']}
ALERT = {'labels': NAMED, 'annotations': {**LABELS, 'required': ['summary']}, 'startsAt': TIME, 'endsAt': TIME,
         'generatorURL': {'type': 'string'}}
STATUS = one_of('firing', 'resolved')
ALERTMANAGER_WEBHOOK = thing({
    'version': const('4'), 'groupKey': text(), 'truncatedAlerts': {'type': 'integer'}, 'status': STATUS,
    'receiver': text(), 'groupLabels': LABELS, 'commonLabels': LABELS, 'commonAnnotations': LABELS,
    'externalURL': {'type': 'string'},
    'alerts': several(thing({**ALERT, 'status': STATUS, 'fingerprint': {'type': 'string', 'pattern': '^[0-9a-f]{16}$'}}),
                      least=1)})
ALERTMANAGER_PUSH = several(thing(ALERT), least=1)

# -- PagerDuty Events API v2 -----------------------------------------------------------------------

PAGERDUTY_LINKS = several(thing({'href': LINK, 'text': text()}))
PAGERDUTY_EVENT = thing({
    'routing_key': text(), 'event_action': one_of('trigger', 'acknowledge', 'resolve'), 'dedup_key': text(255),
    'payload': thing({'summary': text(1024), 'source': text(), 'timestamp': TIME,
                      'severity': one_of('critical', 'error', 'warning', 'info'), 'component': text(),
                      'class': text(), 'custom_details': {'type': 'object'}}),
    'links': PAGERDUTY_LINKS, 'client': text()})
PAGERDUTY_CHANGE = thing({
    'routing_key': text(), 'payload': thing({'summary': text(1024), 'source': text(), 'timestamp': TIME,
                                             'custom_details': {'type': 'object'}}),
    'links': PAGERDUTY_LINKS})

# -- Slack: Block Kit ------------------------------------------------------------------------------


def slack_text(kind, most):
    return thing({'type': const(kind), 'text': text(most)})


SLACK = thing({'text': text(3000), 'attachments': several(thing({
    'color': {'type': 'string', 'pattern': '^#[0-9a-f]{6}$'},
    'blocks': several({'oneOf': [
        thing({'type': const('header'), 'text': slack_text('plain_text', 150)}),
        thing({'type': const('section'), 'text': slack_text('mrkdwn', 3000)}),
        thing({'type': const('section'), 'fields': several(slack_text('mrkdwn', 2000), 10, 1)}),
        thing({'type': const('actions'), 'elements': several(thing({
            'type': const('button'), 'text': slack_text('plain_text', 75), 'url': LINK}), 25, 1)}),
    ]}, 50, 1)}), 1, 1)})

# -- Teams: an Adaptive Card behind a workflow -----------------------------------------------------

TEAMS_BLOCK = {'oneOf': [
    thing({'type': const('TextBlock'), 'text': text(), 'wrap': const(True),
           'weight': one_of('default', 'lighter', 'bolder'),
           'size': one_of('default', 'small', 'medium', 'large', 'extraLarge')},
          {'color': one_of('default', 'dark', 'light', 'accent', 'good', 'warning', 'attention')}),
    thing({'type': const('FactSet'), 'facts': several(thing({'title': text(), 'value': text()}))})]}
TEAMS = thing({'type': const('message'), 'attachments': several(thing({
    'contentType': const('application/vnd.microsoft.card.adaptive'), 'contentUrl': const(None),
    'content': thing({'$schema': const('http://adaptivecards.io/schemas/adaptive-card.json'),
                      'type': const('AdaptiveCard'), 'version': const('1.2'),
                      'body': several(TEAMS_BLOCK, least=1), 'msteams': thing({'width': const('full')})},
                     {'actions': several(thing({'type': const('Action.OpenUrl'), 'title': text(), 'url': LINK}))})}),
    1, 1)})

# -- Discord, ntfy, Gotify -------------------------------------------------------------------------

DISCORD = thing({'username': text(80), 'content': text(2000), 'embeds': several(thing({
    'title': text(256), 'description': text(4096), 'color': {'type': 'integer', 'minimum': 0, 'maximum': 0xffffff},
    'fields': several(thing({'name': text(256), 'value': text(1024), 'inline': {'type': 'boolean'}}), 25),
    'timestamp': TIME}, {'url': LINK}), 1, 1), 'allowed_mentions': const({'parse': []})})
NTFY = thing({'topic': text(64), 'title': text(255), 'message': text(), 'priority': one_of(1, 2, 3, 4, 5),
              'tags': several(text())}, {'click': LINK})
GOTIFY = thing({'title': text(255), 'message': text(), 'priority': {'type': 'integer', 'minimum': 0, 'maximum': 10},
                'extras': {'type': 'object', 'propertyNames': {'pattern': '^[a-z]+::[a-z]+$'}}})


def discord_total(body):
    embed = body['embeds'][0]
    return sum(len(embed[k]) for k in ('title', 'description')) + sum(
        len(f['name']) + len(f['value']) for f in embed['fields'])


# name: (receiver, schema, the service's ceilings as (measure, most))
FORMATS = {
    'json': ({'kind': 'webhook'}, JSON, []),
    'cloudevents': ({'kind': 'webhook', 'format': 'cloudevents'}, CLOUDEVENTS, []),
    'alertmanager-webhook': ({'kind': 'webhook', 'format': 'alertmanager'}, ALERTMANAGER_WEBHOOK, []),
    'alertmanager': ({'kind': 'alertmanager'}, ALERTMANAGER_PUSH, []),
    'pagerduty': ({'kind': 'pagerduty'}, None, [(lambda raw, body: len(raw), 512 * 1024)]),
    'slack': ({'kind': 'webhook', 'format': 'slack'}, SLACK, []),
    'teams': ({'kind': 'webhook', 'format': 'teams'}, TEAMS, [(lambda raw, body: len(raw), 28 * 1024)]),
    'discord': ({'kind': 'webhook', 'format': 'discord'}, DISCORD, [(lambda raw, body: discord_total(body), 6000)]),
    'ntfy': ({'kind': 'webhook', 'format': 'ntfy', 'topic': 'alerts'}, NTFY,
             [(lambda raw, body: len(body['message'].encode()), 4096)]),
    'gotify': ({'kind': 'webhook', 'format': 'gotify'}, GOTIFY, []),
}
