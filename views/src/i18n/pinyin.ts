// Finds Chinese names by the Latin letters their sounds begin with: `yfyz` finds 研发一组. The order that Intl sorts
// characters in tells the first letter of each; whole syllables would need a table of 20,000 characters.

/** The first character of each letter in the order of sounds; no sound begins with i, u or v. */
const FIRST = [...'阿八嚓哒妸发旮哈讥咔垃妈拿哦啪期然撒塌挖昔压匝']
const LETTERS = 'abcdefghjklmnopqrstwxyz'
const HAN = /\p{Script=Han}/u

const collator = new Intl.Collator('zh-Hans-CN-u-co-pinyin')
const known = new Map<string, string>()

/** The letter a character's sound begins with; other characters are their own. */
export function initial(character: string): string {
  if (!HAN.test(character)) return character.toLocaleLowerCase()
  let letter = known.get(character)
  if (letter === undefined) {
    const index = FIRST.findLastIndex((first) => collator.compare(first, character) <= 0)
    letter = LETTERS[index] ?? ''
    known.set(character, letter)
  }
  return letter
}

export function initials(text: string): string {
  return [...text].map(initial).join('')
}

/** Whether what was typed is a part of the name, or of its sounds' first letters. */
export function matches(name: string, typed: string): boolean {
  const words = typed.trim().toLocaleLowerCase()
  return name.toLocaleLowerCase().includes(words) || initials(name).replace(/\s+/g, '').includes(words)
}
