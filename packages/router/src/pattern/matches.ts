/** Whether one pattern matches one URI, where an index of patterns is not the point: filters, and walks over topics. */
import type { Pattern } from "./covers.ts";

export function matches({ uri, match }: Pattern, topic: string): boolean {
  switch (match) {
    case "exact":
      return uri === topic;
    case "prefix":
      return topic.startsWith(uri); // [AMB-84]
    case "wildcard":
      return matchesComponents(uri, topic);
  }
}

/** Component by component, without splitting: an empty component of the pattern stands for any one (PS-PAT-01, AMB-85). */
function matchesComponents(pattern: string, topic: string): boolean {
  for (let p = 0, t = 0; ; ) {
    const patternEnd = endOfComponent(pattern, p);
    const topicEnd = endOfComponent(topic, t);
    const length = patternEnd - p;
    if (length > 0 && (length !== topicEnd - t || !topic.startsWith(pattern.slice(p, patternEnd), t))) return false;
    const isLast = patternEnd === pattern.length;
    if (isLast || topicEnd === topic.length) return isLast && topicEnd === topic.length;
    p = patternEnd + 1;
    t = topicEnd + 1;
  }
}

function endOfComponent(uri: string, start: number): number {
  const dot = uri.indexOf(".", start);
  return dot < 0 ? uri.length : dot;
}
