/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - calls that need nothing but a name, and fail, for the table of errors. */
#ifndef API_FILES_H
#define API_FILES_H

/* Each returns the error of the function that it is named after. */
int f_error_name(void);
int f_device_open(void);
int f_trace_open(void);
int f_trace_close(void);
int f_dump(void);
int f_check(void);

#endif
