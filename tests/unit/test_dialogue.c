/* SPDX-License-Identifier: ISC
 *
 * Plays every script of tests/dialogues against core/dialogue with virtual time.
 *
 * A script is lines; blank lines and lines that begin with '#' mean nothing:
 *
 *     MODE word...     plain | starttls (default) | implicit | stop-after-tls | inject |
 *                      relay FROM TO: how the dialogue is started; before anything else
 *     CONNECT          the connection stands ("CONNECT ERROR NAME [at-once]": it failed)
 *     S: text          the server sends text and CRLF; \xNN and \n are bytes
 *     S- text          the same without CRLF
 *     S+ text          as "S:", arriving in one piece with the line before it
 *     C: text          the client must have sent exactly this line next (several from one
 *                      write are several "C:" lines)
 *     TLS ok           the client must have begun a handshake: it completes
 *     TLS fail N text  ... it fails, with alert number N
 *     PASS 30s         time passes; what is due happens
 *     EOF              the server closes;  RESET: it resets the connection
 *     CLOSED           the client must have ended the conversation
 *     FACT key value   at the end: a member of struct obs_service, or failure.stage,
 *                      failure.class, failure.code, failure.text, relay, relay_reply, injection,
 *                      ehlo, ehlo_tls (lines joined by " | "); "-" = absent
 *
 * A peer on a real socket can play the same file: send the S lines, expect the C lines, hold
 * the pauses.  What the client says unasked by the script, and a FACT that differs, fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "dialogue.h"
#include "mem.h"

struct player {
	const char *file;
	int line;
	struct arena *arena;
	struct dialogue_params params;
	struct obs_service service;
	struct dialogue *dialogue;
	struct reply_reader *reader;
	struct buf sent; /* by the client, not yet expected */
	struct buf incoming;
	bool in_tls, wants_tls, closed;
	int64_t now_ms, due_ms; /* due 0: no timer */
};

#define CHECK(p, condition, ...)                                                                   \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("%s:%d: ", (p)->file, (p)->line);                              \
			print_error(__VA_ARGS__);                                                  \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static void perform(struct player *p, const struct dialogue_action *a)
{
	if (a->seconds)
		p->due_ms = p->now_ms + a->seconds * 1000;
	switch (a->kind) {
	case DIALOGUE_WAIT:
		break;
	case DIALOGUE_SEND:
		buf_addstr(&p->sent, a->text);
		break;
	case DIALOGUE_START_TLS:
		p->wants_tls = true;
		reply_reader_reset(p->reader);
		break;
	case DIALOGUE_CLOSE:
		p->closed = true;
		p->due_ms = 0;
		break;
	}
}

static void step(struct player *p, struct dialogue_event event)
{
	struct dialogue_action action;

	if (!p->dialogue) {
		p->dialogue = dialogue_new(&p->params, &p->service, p->arena);
		dialogue_start(p->dialogue, &action);
		perform(p, &action);
	}
	event.ms = p->now_ms;
	CHECK(p, !p->closed, "an event after the end\n");
	dialogue_step(p->dialogue, &event, &action);
	perform(p, &action);
}

/* Give the client what has come so far, as one segment. */
static void deliver(struct player *p)
{
	const char *data = p->incoming.data;
	size_t len = p->incoming.len;

	while (len > 0 && !p->closed && !p->wants_tls) {
		size_t used;
		enum reply_status status = reply_read(p->reader, data, len, &used);

		data += used;
		len -= used;
		if (status == REPLY_MORE)
			break;
		step(p, (struct dialogue_event){
			    .kind = DIALOGUE_REPLY, .reply = reply_get(p->reader), .behind = len});
	}
	buf_reset(&p->incoming);
}

static void pass(struct player *p, int seconds)
{
	int64_t until = p->now_ms + (int64_t)seconds * 1000;

	while (p->due_ms && p->due_ms <= until && !p->closed) {
		p->now_ms = p->due_ms;
		p->due_ms = 0;
		step(p, (struct dialogue_event){.kind = DIALOGUE_TIMEOUT});
	}
	p->now_ms = until;
}

static void unescape(struct buf *out, const char *text)
{
	unsigned byte;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
			buf_addch(out, (char)byte);
			text += 3;
		} else if (text[0] == '\\' && text[1] == 'n') {
			buf_addch(out, '\n');
			text++;
		} else {
			buf_addch(out, *text);
		}
	}
}

static void expect_line(struct player *p, const char *text)
{
	size_t len = strlen(text);
	const char *have = buf_str(&p->sent);

	CHECK(p, strncmp(have, text, len) == 0 && strncmp(have + len, "\r\n", 2) == 0,
	      "expected \"%s\", the client said \"%s\"\n", text, have);
	buf_drain(&p->sent, len + 2);
}

static void set_mode(struct player *p, char *words)
{
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
		if (strcmp(w, "plain") == 0)
			p->params.tls = DIALOGUE_PLAIN;
		else if (strcmp(w, "implicit") == 0)
			p->params.tls = DIALOGUE_IMPLICIT;
		else if (strcmp(w, "stop-after-tls") == 0)
			p->params.stop_after_tls = true;
		else if (strcmp(w, "inject") == 0)
			p->params.inject = true;
		else if (strcmp(w, "relay") == 0) {
			p->params.relay_from = arena_strdup(p->arena, strtok(NULL, " "));
			p->params.relay_to = arena_strdup(p->arena, strtok(NULL, " "));
		} else
			CHECK(p, strcmp(w, "starttls") == 0, "unknown mode %s\n", w);
	}
}

static void connect_line(struct player *p, const char *rest)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = {{"ECONNREFUSED", ECONNREFUSED},
		      {"ETIMEDOUT", ETIMEDOUT},
		      {"ENETUNREACH", ENETUNREACH},
		      {"EHOSTUNREACH", EHOSTUNREACH},
		      {"EMFILE", EMFILE},
		      {"EAFNOSUPPORT", EAFNOSUPPORT},
		      {"EADDRNOTAVAIL", EADDRNOTAVAIL}};
	char name[32], when[32] = "";

	if (sscanf(rest, " ERROR %31s %31s", name, when) < 1) {
		step(p, (struct dialogue_event){.kind = DIALOGUE_CONNECTED});
		return;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0) {
			step(p, (struct dialogue_event){.kind = DIALOGUE_IO_ERROR,
							.error = errors[i].error,
							.at_once = strcmp(when, "at-once") == 0});
			return;
		}
	CHECK(p, false, "unknown error %s\n", name);
}

static void tls_line(struct player *p, const char *rest)
{
	int alert = 0, used = 0;

	CHECK(p, p->wants_tls, "the client did not begin a handshake\n");
	p->wants_tls = false;
	if (strcmp(rest, " ok") == 0) {
		p->in_tls = true;
		step(p, (struct dialogue_event){.kind = DIALOGUE_TLS_UP});
		return;
	}
	CHECK(p, sscanf(rest, " fail %d %n", &alert, &used) == 1, "TLS ok, or TLS fail N text\n");
	step(p, (struct dialogue_event){
		    .kind = DIALOGUE_TLS_FAILED, .error = alert, .text = rest + used});
}

/* -- facts ----------------------------------------------------------------------------------- */

static const char *joined(struct player *p, const char *const *list, size_t n)
{
	const char *all = NULL;

	for (size_t i = 0; i < n; i++)
		all = all ? arena_printf(p->arena, "%s | %s", all, list[i]) : list[i];
	return all;
}

static const char *number(struct player *p, int64_t n)
{
	return n ? arena_printf(p->arena, "%lld", (long long)n) : NULL;
}

static const char *fact(struct player *p, const char *key)
{
	const struct obs_service *s = &p->service;
	const struct {
		const char *key, *value;
	} facts[] = {
	    {"failure.stage", s->failure.stage ? obs_stage_words[s->failure.stage] : NULL},
	    {"failure.class", s->failure.class ? obs_class_words[s->failure.class] : NULL},
	    {"failure.code", number(p, s->failure.code)},
	    {"failure.text", s->failure.text},
	    {"connect_ms", number(p, s->connect_ms)},
	    {"greeting_code", number(p, s->greeting_code)},
	    {"greeting_ms", number(p, s->greeting_ms)},
	    {"greeting", s->greeting},
	    {"helo_only", number(p, s->helo_only)},
	    {"ehlo", joined(p, s->ehlo, s->n_ehlo)},
	    {"starttls_offered", number(p, s->starttls_offered)},
	    {"starttls_code", number(p, s->starttls_code)},
	    {"starttls_text", s->starttls_text},
	    {"trailing_bytes", number(p, s->trailing_bytes)},
	    {"ehlo_tls", joined(p, s->ehlo_tls, s->n_ehlo_tls)},
	    {"relay",
	     dialogue_relay(p->dialogue) ? obs_relay_words[dialogue_relay(p->dialogue)] : NULL},
	    {"relay_reply", dialogue_relay_reply(p->dialogue)},
	    {"injection", dialogue_injection(p->dialogue)
			      ? obs_offer_words[dialogue_injection(p->dialogue)]
			      : NULL},
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (strcmp(facts[i].key, key) == 0)
			return facts[i].value;
	CHECK(p, false, "unknown fact %s\n", key);
	return NULL;
}

static void expect_fact(struct player *p, char *rest)
{
	char *key = strtok(rest, " "), *value = strtok(NULL, "");
	const char *have = fact(p, key);

	CHECK(p, value, "FACT key value\n");
	CHECK(p, strcmp(have ? have : "-", value) == 0, "%s is \"%s\"\n", key, have ? have : "-");
}

/* -- the player ------------------------------------------------------------------------------ */

static void play_line(struct player *p, char *line)
{
	int seconds;

	if (strncmp(line, "S+ ", 3) != 0)
		deliver(p);
	if (strncmp(line, "S: ", 3) == 0 || strncmp(line, "S+ ", 3) == 0) {
		unescape(&p->incoming, line + 3);
		buf_addstr(&p->incoming, "\r\n");
	} else if (strncmp(line, "S- ", 3) == 0) {
		unescape(&p->incoming, line + 3);
	} else if (strncmp(line, "C: ", 3) == 0) {
		expect_line(p, line + 3);
	} else if (strncmp(line, "MODE ", 5) == 0) {
		set_mode(p, line + 5);
	} else if (strncmp(line, "CONNECT", 7) == 0) {
		connect_line(p, line + 7);
	} else if (strncmp(line, "TLS", 3) == 0) {
		tls_line(p, line + 3);
	} else if (sscanf(line, "PASS %ds", &seconds) == 1) {
		pass(p, seconds);
	} else if (strcmp(line, "EOF") == 0) {
		step(p, (struct dialogue_event){.kind = DIALOGUE_EOF});
	} else if (strcmp(line, "RESET") == 0) {
		step(p, (struct dialogue_event){.kind = DIALOGUE_IO_ERROR, .error = ECONNRESET});
	} else if (strcmp(line, "CLOSED") == 0) {
		CHECK(p, p->closed, "the client is in %s\n", dialogue_state_name(p->dialogue));
	} else if (strncmp(line, "FACT ", 5) == 0) {
		CHECK(p, p->sent.len == 0, "the client also said \"%s\"\n", buf_str(&p->sent));
		expect_fact(p, line + 5);
	} else {
		CHECK(p, false, "not understood: %s\n", line);
	}
}

static void play_file(void **state)
{
	struct player p = {.file = *state,
			   .params = {.helo = "probe.test", .tls = DIALOGUE_STARTTLS}};
	FILE *f = fopen(p.file, "r");
	char line[4096];

	assert_non_null(f);
	p.arena = arena_new();
	p.reader = reply_reader_new();
	buf_init(&p.sent, 4096);
	buf_init(&p.incoming, 128 * 1024);
	while (fgets(line, sizeof(line), f)) {
		p.line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			play_line(&p, line);
	}
	fclose(f);
	CHECK(&p, p.closed, "the script ends, the client does not\n");
	dialogue_free(p.dialogue);
	reply_reader_free(p.reader);
	buf_clear(&p.sent);
	buf_clear(&p.incoming);
	arena_free(p.arena);
}

static int is_script(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && strcmp(e->d_name + len - 4, ".txt") == 0;
}

int main(void)
{
	static const char dir[] = TESTDIR "/dialogues";
	struct dirent **entries;
	int n = scandir(dir, &entries, is_script, alphasort), failed;
	struct CMUnitTest *tests;

	if (n <= 0)
		return 1;
	tests = mem_array((size_t)n, sizeof(*tests));
	for (int i = 0; i < n; i++) {
		struct buf path;

		buf_init(&path, 4096);
		buf_printf(&path, "%s/%s", dir, entries[i]->d_name);
		tests[i].test_func = play_file;
		tests[i].name = entries[i]->d_name;
		tests[i].initial_state = buf_detach(&path);
	}
	failed = _cmocka_run_group_tests("dialogues", tests, (size_t)n, NULL, NULL);
	for (int i = 0; i < n; i++) {
		free(tests[i].initial_state);
		free(entries[i]);
	}
	free(entries);
	free(tests);
	return failed;
}
