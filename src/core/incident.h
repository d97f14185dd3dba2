/* SPDX-License-Identifier: ISC */
#ifndef INCIDENT_H
#define INCIDENT_H

#endif
