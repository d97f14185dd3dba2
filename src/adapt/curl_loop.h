/* SPDX-License-Identifier: ISC
 *
 * libcurl's multi interface on libevent: curl says which sockets and which timer it waits for,
 * we tell it when they fire, and hand over what has ended behind each step, so that an owner's
 * code never runs inside one of curl's callbacks.
 */
#ifndef CURL_LOOP_H
#define CURL_LOOP_H

#include <curl/curl.h>

struct event_base;
struct curl_loop;

/* A transfer ended.  It may begin and give up transfers, this one too. */
typedef void curl_loop_ended(CURL *easy, CURLcode code);

/* Ends the process when libcurl does not start. */
struct curl_loop *curl_loop_new(struct event_base *base, curl_loop_ended *ended);
/* Every transfer was given up before. */
void curl_loop_free(struct curl_loop *l);
void curl_loop_begin(struct curl_loop *l, CURL *easy);
/* Takes it out and frees it; ended is not called any more. */
void curl_loop_give_up(struct curl_loop *l, CURL *easy);

#endif
