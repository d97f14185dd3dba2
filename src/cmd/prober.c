/* SPDX-License-Identifier: ISC */
#include "prober.h"
#include "spawn.h"

int main(void)
{
	return prober_run(spawn_begin("prober"));
}
