/** Variables of the environment: `$PORT` and `${SECRET}` there, `${env:NAME}` here. */

export function withEnvironment(text: string): string {
  return text
    .replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => `\${env:${name}}`)
    .replace(/^\$([A-Za-z_]\w*)$/, (_, name: string) => `\${env:${name}}`);
}
