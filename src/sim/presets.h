/* SPDX-License-Identifier: Apache-2.0 */
/* presets.h - the descriptions of drives that follow single products. Constant. */
#ifndef SIM_PRESETS_H
#define SIM_PRESETS_H

extern const char sim_preset_dc_tlc[], sim_preset_qlc[], sim_preset_dramless[], sim_preset_xpoint[];

#endif
