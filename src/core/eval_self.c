/* SPDX-License-Identifier: ISC
 *
 * Ourselves: what this machine's resolver, routes, clock and trust store allowed to be judged.
 * A fault of ours is no fault of a domain, so nothing here warns or fails; it explains what is
 * unknown in the findings it stands behind.
 */
#include <stdlib.h>
#include <string.h>

#include "eval_parts.h"

static const char subject[] = "monitor";

static void resolver(struct eval_context *c)
{
	static const char id[] = "self.resolver";
	const struct obs_vantage *v = c->vantage;

	if (v->resolver_answers && v->resolver_validates)
		part_say(c, id, subject, FINDING_PASS, "Our resolver answers and validates.");
	else
		part_say(c, id, subject, FINDING_INFO,
			 v->resolver_answers
			     ? "Our resolver does not validate, so DNSSEC and DANE are not judged."
			     : "Our resolver does not answer, so next to nothing can be judged.");
}

/* "host[2001:db8::1]:25" */
static bool is_ipv6(const char *address)
{
	const char *open = strchr(address, '[');

	return open && strcspn(open, ":") < strcspn(open, "]");
}

static void route_ipv6(struct eval_context *c)
{
	static const char id[] = "self.ipv6";
	size_t n = 0;

	for (size_t i = 0; i < c->out->n; i++)
		n += c->out->item[i].status == FINDING_UNKNOWN &&
		     strcmp(c->out->item[i].id, "smtp.connect") == 0 &&
		     is_ipv6(c->out->item[i].subject);
	if (!c->vantage->no_ipv6)
		part_say(c, id, subject, FINDING_PASS, "This machine has an IPv6 route.");
	else if (n == 0)
		part_skip(c, id, subject, "there is no IPv6 route here, and none was wanted");
	else
		part_say(c, id, subject, FINDING_INFO,
			 "This machine has no way out over IPv6, so %zu address%s not judged.", n,
			 n == 1 ? " is" : "es are");
}

struct port25 {
	size_t up, silent, other;
};

static struct port25 port25(const struct findings *all)
{
	struct port25 p = {0};

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->item[i];
		const char *class = json_string_value(json_object_get(f->evidence, "class"));
		const char *stage = json_string_value(json_object_get(f->evidence, "stage"));
		if (strcmp(f->id, "smtp.connect") != 0)
			continue;
		if (f->judged == FINDING_PASS)
			p.up++;
		else if (f->judged == FINDING_FAIL && class && strcmp(class, "timeout") == 0 &&
			 strcmp(stage, "connect") == 0)
			p.silent++;
		else
			p.other++;
	}
	return p;
}

static void egress25(struct eval_context *c, bool canaries)
{
	static const char id[] = "self.egress25";
	const struct obs_vantage *v = c->vantage;
	struct port25 p = port25(c->out);
	struct finding *f;

	if (v->no_ipv4)
		part_say(c, id, subject, FINDING_INFO,
			 "This machine has no way out over IPv4 (no route, or no canary of "
			 "self_check.tcp answers), so hosts that do not answer are not judged.");
	else if (canaries)
		part_say(c, id, subject, FINDING_PASS, "The canaries of self_check.tcp answer.");
	else if (p.up > 0)
		part_say(c, id, subject, FINDING_PASS, "Port 25 can be reached from here.");
	else if (p.silent > 0 && p.other == 0) {
		f = part_say(c, id, subject, FINDING_INFO,
			     "No address answered on port 25. A network that blocks port 25 on the "
			     "way out, as many do, looks the same from here.");
		part_advise(c, f,
			    "Check from a machine that can send mail, or name a mail server that "
			    "always answers in self_check.tcp.");
	} else
		part_skip(c, id, subject, "no address was waited for on port 25");
}

static void clock_and_trust(struct eval_context *c)
{
	int64_t step = c->in->clock_step_s;

	if (step == 0)
		part_say(c, "self.clock", subject, FINDING_PASS,
			 "Our clock ran on evenly meanwhile.");
	else
		part_say(c, "self.clock", subject, FINDING_INFO,
			 "Our clock was set %s by %lld s, so nothing about dates is judged.",
			 step > 0 ? "forward" : "back", llabs((long long)step));
	if (c->vantage->no_ca)
		part_say(c, "self.ca_bundle", subject, FINDING_INFO,
			 "Our trust store did not load, so trust in certificates is not judged.");
	else
		part_say(c, "self.ca_bundle", subject, FINDING_PASS, "Our trust store is loaded.");
}

/* What went out of sight in any of the probes; false when none of them came back. */
static bool worst_view(const struct eval_input *in, struct obs_vantage *v)
{
	bool seen = false;

	*v = (struct obs_vantage){.resolver_answers = true, .resolver_validates = true};
	for (size_t i = 0; i <= in->n_hosts; i++) {
		const struct observation *o = i < in->n_hosts ? in->hosts[i] : in->domain;
		if (!o ||
		    (o->failure.class != OBS_CLASS_NONE && o->failure.stage == OBS_STAGE_NONE))
			continue;
		seen = true;
		v->resolver_answers = v->resolver_answers && o->vantage.resolver_answers;
		v->resolver_validates = v->resolver_validates && o->vantage.resolver_validates;
		v->no_ipv4 = v->no_ipv4 || o->vantage.no_ipv4;
		v->no_ipv6 = v->no_ipv6 || o->vantage.no_ipv6;
		v->no_ca = v->no_ca || o->vantage.no_ca;
	}
	return seen;
}

void eval_self(const struct eval_input *in, bool canaries, struct findings *out)
{
	struct eval_context c = {.in = in, .out = out, .arena = out->arena};
	struct obs_vantage view;

	if (!worst_view(in, &view))
		return; /* then nothing is known of us either */
	c.vantage = &view;
	resolver(&c);
	egress25(&c, canaries);
	route_ipv6(&c);
	clock_and_trust(&c);
	part_select(in, out);
}
