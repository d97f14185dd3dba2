/* SPDX-License-Identifier: ISC
 *
 * The web process: the state for readers, through HTTP on loopback and on a Unix socket.  It
 * reads the database the engine writes, judges what lies there with the same core, and hands
 * wishes to the engine.  The engine's first frame names the configuration file, a later one says
 * that it was read again.
 *
 * Who may do what: on the Unix socket the rights of the file decide, and those who may open it
 * may do all; over TCP everybody reads, and wishes take the bearer token of web.bearer_token_file.
 * A listener that is not on loopback is opened only where there is a token.
 */
#ifndef WEB_H
#define WEB_H

/* Run on this channel until it ends. */
void web_run(int channel);

#endif
