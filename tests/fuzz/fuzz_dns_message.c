/* SPDX-License-Identifier: ISC */
#include "dns_message.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	const char *why, *const *chain;
	size_t n;
	struct dns_message *m = dns_message_parse(data, len, arena, &why);

	PROMISE((m == NULL) == (why != NULL));
	PROMISE(m == NULL ||
		(dns_message_follow(m, arena, &chain, &n, &why) == NULL) == (why != NULL));
	for (size_t i = 0; m != NULL && i < m->n_answer; i++) {
		const struct dns_rr *rr = &m->answer[i];
		PROMISE(rr->class != 1 || rr->type != DNS_MX ||
			dns_message_name(m, rr, 2, arena, &n));
		PROMISE(rr->class != 1 || rr->type != DNS_TXT || dns_message_txt(rr, arena, &n));
		PROMISE(rr->class != 1 || rr->type != DNS_A || dns_message_address(rr, arena));
		dns_message_rrsig_end(rr, 1700000000);
	}
	arena_free(arena);
	return 0;
}
