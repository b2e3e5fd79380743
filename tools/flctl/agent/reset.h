/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reset.h - `flctl reset`: all that an instance has put on the host goes
 *
 * What is ours is found without any store: the network by subnet.env, the device
 * by that or by the MAC that the state file has.
 */
#ifndef AGENT_RESET_H
#define AGENT_RESET_H

/* @argv without the name of the program; an exit code. */
int reset_run(int argc, char **argv);

#endif /* AGENT_RESET_H */
