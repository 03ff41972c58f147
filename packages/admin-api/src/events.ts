/** The events: their topics, who may subscribe to them, and what they carry, as keyword arguments. */
import type { AdminRole } from "./roles.ts";

// biome-ignore lint/suspicious/noEmptyInterface: those who publish add theirs
export interface AdminEvents {}

export type AdminEventUri = keyof AdminEvents;

/** The least role for each. */
export const EVENTS: Readonly<Record<AdminEventUri, AdminRole>> = {};
