/* SPDX-License-Identifier: ISC */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "spawn.h"

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3 || strcmp(argv[1], "-c") != 0) {
		fprintf(stderr, "engine is started by mxwatchd\n");
		return 64;
	}
	fd = spawn_begin("engine");
	return engine_run(argv[2], fd);
}
