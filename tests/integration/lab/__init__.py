# SPDX-License-Identifier: ISC
"""The lab: real servers in a private network, a world whose every fault is on purpose.

    netns.py     a network namespace of our own (all of 127.0.0.0/8 and ::1 free)
    ca.py        the certification authority and every odd certificate
    dns.py       signed zones in NSD, a validating Unbound, resolvers that misbehave
    smtp.py      scripted SMTP servers and the mail sink
    http.py      nginx policy hosts, odd policy hosts, the webhook sink
    postfix.py   real Postfix
    world.py     all of it together: domains and hosts one can name and change
    catalogue.py the domains and what mxwatch has to find at each
    __main__.py  the lab from the command line (`./run lab`)
"""
