/* SPDX-License-Identifier: ISC */
#include "web.h"

#include "spawn.h"

int main(void)
{
	web_run(spawn_begin("web"));
	return 0;
}
