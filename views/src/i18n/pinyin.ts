// Letters for names: where a Chinese name stands in an A–Z index, and its initials for the quick switcher.
// From the collation that every browser has, instead of a table of 20,000 characters.

/** The first character of each initial in pinyin order; no syllable begins with I, U or V. */
const FIRST = '阿八嚓咑妸发旮哈丌咔垃妈拏噢妑七呥仨他屲夕丫帀'
const LETTERS = 'ABCDEFGHJKLMNOPQRSTWXYZ'
/** Family names whose usual reading is not the collation's. */
const SURNAMES: Readonly<Record<string, string>> = {
  曾: 'Z', 单: 'S', 解: 'X', 仇: 'Q', 区: 'O', 查: 'Z', 翟: 'Z', 朴: 'P', 覃: 'Q', 乐: 'Y', 尉: 'Y', 盖: 'G',
}
const HAN = /\p{Script=Han}/u

const collator = new Intl.Collator('zh-u-co-pinyin')
const bounds = [...FIRST]

/** A to Z, or `#` for what has no letter. */
export function letterOf(name: string): string {
  const first = [...name.trim()][0] ?? ''
  const surname = SURNAMES[first]
  if (surname) return surname
  return initialOf(first) ?? '#'
}

/** The initials of a name: `研发一组` is `yfyz`, `Product Talk` is `pt`. */
export function initialsOf(name: string): string {
  const found: string[] = []
  let inWord = false
  for (const char of name) {
    const han = HAN.test(char)
    if (han || (!inWord && /[\p{L}\p{N}]/u.test(char))) found.push(initialOf(char) ?? char)
    inWord = !han && /[\p{L}\p{N}]/u.test(char)
  }
  return found.join('').toLowerCase()
}

/** For sorting names in an index: by letter, then as the collation has it. */
export function compareNames(a: string, b: string): number {
  const [x, y] = [letterOf(a), letterOf(b)]
  if (x !== y) return x === '#' ? 1 : y === '#' ? -1 : x < y ? -1 : 1
  return collator.compare(a, b)
}

/**
 * How well `words` finds `name`: 0 not at all; higher is better. Parts of the name count, and beginnings of its initials.
 */
export function matchOf(name: string, words: string): number {
  const wanted = words.trim().toLocaleLowerCase()
  if (!wanted) return 1
  const lower = name.toLocaleLowerCase()
  if (lower.startsWith(wanted)) return 4
  const initials = initialsOf(name)
  if (initials.startsWith(wanted)) return 3
  if (lower.includes(wanted)) return 2
  return initials.includes(wanted) ? 1 : 0
}

/** Whether what was typed is a part of the name or of its initials; nothing typed finds every name. */
export function matches(name: string, typed: string): boolean {
  return matchOf(name, typed) > 0
}

function initialOf(char: string): string | null {
  const plain = char.normalize('NFD')[0]?.toUpperCase() ?? ''
  if (/^[A-Z]$/.test(plain)) return plain
  if (!HAN.test(char)) return null
  const next = bounds.findIndex((bound) => collator.compare(bound, char) > 0)
  const at = next === -1 ? bounds.length - 1 : next - 1
  return LETTERS[at] ?? null
}
