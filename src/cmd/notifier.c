/* SPDX-License-Identifier: ISC */
#include "notifier.h"
#include "spawn.h"

int main(void)
{
	notifier_run(spawn_begin("notifier"));
	return 0;
}
