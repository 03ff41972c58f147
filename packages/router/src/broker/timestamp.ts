/** Points in time as history queries name them: RFC 3339, for example `2026-11-30T12:00:00.000Z` (PS-HIST-03). */

/** @returns milliseconds since 1970, with a fraction where the text has one; `undefined` where it is no such time */
export function parseTimestamp(text: string): number | undefined {
  const [, date = "", day = "", time = "", fraction = "", zone = ""] = (text.length <= LONGEST && RFC3339.exec(text)) || [];
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // The platform carries days beyond the end of a month over into the next.
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(day)) return undefined;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : ms + Number(`0${fraction}`) * 1_000;
}

/** `yyyy-MM-ddThh:mm:ss.SSSZ` (PS-HIST-04). One function for the events of a page, many of which are of the same second. */
export function timestampFormatter(): (ms: number) => string {
  let second = Number.NaN;
  let prefix = "";
  return (ms) => {
    const of = Math.floor(ms / 1_000);
    if (of !== second) {
      second = of;
      prefix = new Date(ms).toISOString().slice(0, -4);
    }
    return `${prefix}${String(Math.floor(ms - of * 1_000)).padStart(3, "0")}Z`;
  };
}

const RFC3339 = /^(\d{4}-\d\d-(\d\d))[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const LONGEST = 64;
