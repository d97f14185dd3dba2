/* SPDX-License-Identifier: ISC */
#include "view.h"

#include <string.h>

const char *const view_state_words[] = {"pending", "ok", "unknown", "warning", "critical", NULL};
const char *const view_grade_words[] = {"", "A+", "A", "B", "C", "D", "F", NULL};

enum view_grade view_grade(const char *letter)
{
	for (int i = 1; letter && i < VIEW_GRADES; i++)
		if (strcmp(view_grade_words[i], letter) == 0)
			return (enum view_grade)i;
	return VIEW_GRADE_NONE;
}
