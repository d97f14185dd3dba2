/* SPDX-License-Identifier: ISC */
#include "delivery.h"

#include <stddef.h>

#define MINUTE_MS 60000

int64_t delivery_delay_s(int64_t attempts, int64_t retry_after_s, uint64_t chance)
{
	static const int64_t steps[] = {5, 15, 60, 300, 900, 1800};
	const int64_t n = sizeof(steps) / sizeof(steps[0]);
	int64_t delay = attempts >= 1 && attempts <= n ? steps[attempts - 1] : 3600;

	if (retry_after_s >= 0)
		return retry_after_s < 1 ? 1 : retry_after_s > 3600 ? 3600 : retry_after_s;
	return delay + (int64_t)(chance % (uint64_t)(delay / 10 + 1));
}

bool delivery_expired(int64_t created, int64_t now)
{
	return now - created >= DELIVERY_LIFETIME_S;
}

void delivery_rate_init(struct delivery_rate *r, int64_t per_minute, int64_t now_ms)
{
	r->per_minute = per_minute > 0 ? per_minute : 60;
	r->credit_ms = MINUTE_MS;
	r->counted_ms = now_ms;
}

bool delivery_rate_take(struct delivery_rate *r, int64_t now_ms, int64_t *wait_ms)
{
	int64_t price = MINUTE_MS / r->per_minute;

	if (price < 1)
		price = 1;
	if (now_ms > r->counted_ms)
		r->credit_ms += now_ms - r->counted_ms;
	if (r->credit_ms > MINUTE_MS)
		r->credit_ms = MINUTE_MS;
	r->counted_ms = now_ms;
	*wait_ms = 0;
	if (r->credit_ms < price) {
		*wait_ms = price - r->credit_ms;
		return false;
	}
	r->credit_ms -= price;
	return true;
}
