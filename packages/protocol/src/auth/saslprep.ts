/**
 * SASLprep (RFC 4013): the one form of a user name or password, however it was typed. The engine's Unicode tables stand in
 * for those of Unicode 3.2, on which the RFC is based: what has been assigned since is allowed.
 */

/** @returns `undefined` for text that must not be used: control and private-use characters, mixed directions, … */
export function saslprep(text: string): string | undefined {
  const prepared = text.replace(NON_ASCII_SPACE, " ").replace(MAPPED_TO_NOTHING, "").normalize("NFKC");
  if (PROHIBITED.test(prepared)) return undefined;
  return isOneDirection(prepared) ? prepared : undefined;
}

// RFC 3454, 6: right-to-left text holds no left-to-right letter, and begins and ends with right-to-left ones.
function isOneDirection(text: string): boolean {
  const letters = [...text];
  if (!letters.some((letter) => RIGHT_TO_LEFT.test(letter))) return true;
  const hasOther = letters.some((letter) => LETTER.test(letter) && !RIGHT_TO_LEFT.test(letter));
  return !hasOther && RIGHT_TO_LEFT.test(letters[0] ?? "") && RIGHT_TO_LEFT.test(letters.at(-1) ?? "");
}

/** RFC 3454, C.1.2 */
const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454, B.1, without U+200B, which is a space above */
// biome-ignore lint/suspicious/noMisleadingCharacterClass: it lists single code points, joiners among them
const MAPPED_TO_NOTHING = /[\u034f\u00ad\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** RFC 3454, C.2.1, C.2.2 and C.3 to C.9, and what is not assigned; U+0340 and U+0341 of C.8 do not survive NFKC */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;
/** RFC 3454, D.1, by script */
const RIGHT_TO_LEFT = /^[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]$/u;
const LETTER = /^\p{L}$/u;
