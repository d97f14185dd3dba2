/* SPDX-License-Identifier: ISC
 *
 * The yardstick of a start: libyaml's events of a file, each thrown away.
 *
 *     yamlparse FILE     prints "events N user_us N"
 */
#include <stdio.h>

#include <sys/resource.h>
#include <yaml.h>

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	struct rusage used;
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned long n = 0;
	int more = 1;

	if (f == NULL || !yaml_parser_initialize(&parser))
		return 64;
	yaml_parser_set_input_file(&parser, f);
	while (more) {
		if (!yaml_parser_parse(&parser, &event))
			return 1;
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		n++;
	}
	yaml_parser_delete(&parser);
	fclose(f);
	getrusage(RUSAGE_SELF, &used);
	printf("events %lu cpu_us %ld\n", n,
	       (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
		   used.ru_stime.tv_usec);
	return 0;
}
