/** The public surface of `junctor`, for those who start the server from a program. */
export type { TrustClaim, TrustResolver, TrustRoot } from "./auth/trust.ts";
export { ConfigError, loadConfig, parseConfig } from "./config/load.ts";
export { type Config, configSchema, limitsOf } from "./config/schema.ts";
export { createLogger, type LogEvent, logEvent } from "./log.ts";
export { Reloader, serverConfig } from "./reload/reloader.ts";
export { type RunningServer, type ServerConfig, type ServerOptions, startServer } from "./server.ts";
export type { Component, ComponentContext } from "./service/program.ts";
export type { ComponentService } from "./service/services.ts";
export { UserError } from "./user-error.ts";
