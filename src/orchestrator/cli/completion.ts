// `longhaul completion bash|zsh|fish`: prints a script that completes commands, options and their
// values, from the table of commands that commander has. Nothing has to be kept in step by hand.
import type { Command, Option } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

interface Word {
  readonly word: string
  readonly description: string
}

/** One command, by its words from `longhaul` on. */
interface Place {
  readonly path: readonly string[]
  readonly commands: readonly Word[]
  readonly options: readonly Word[]
  /** The words that may follow an option. */
  readonly values: ReadonlyMap<string, readonly string[]>
}

export function renderCompletion (shell: Shell, program: Command): string {
  const places = placesOf(program, [program.name()])
  switch (shell) {
    case 'bash': return bash(places)
    case 'zsh': return zsh(places)
    case 'fish': return fish(places)
  }
}

function placesOf (command: Command, path: readonly string[]): readonly Place[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command)
  const options = help.visibleOptions(command)
  const place: Place = {
    path,
    commands: commands.map(each => ({ word: each.name(), description: each.description() })),
    options: options.flatMap(option =>
      namesOf(option).map(word => ({ word, description: option.description }))),
    values: new Map(options.flatMap(option => option.argChoices === undefined
      ? []
      : namesOf(option).map((name): [string, readonly string[]] =>
        [name, option.argChoices ?? []])))
  }
  // Each place has its own help command; the one of the top is enough.
  const further = commands.filter(each => each.name() !== 'help')
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices)
    .map(word => ({ word, description: '' }))
  return [
    { ...place, commands: [...place.commands, ...choices] },
    ...further.flatMap(each => placesOf(each, [...path, each.name()]))
  ]
}

function namesOf ({ long, short }: Option): readonly string[] {
  return [long, short].flatMap(name => name ?? [])
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const words = (of: readonly Word[]): string => of.map(({ word }) => word).join(' ')
const pathOf = ({ path }: Place): string => path.join(' ')

/** The places that more words lead to, as patterns of a case of sh. */
const innerPaths = (places: readonly Place[]): string =>
  places.slice(1).map(each => quoted(pathOf(each))).join('|')

/** The cases of sh that set `found` from `place`, `before` and `current`: bash and zsh share it. */
function cases (places: readonly Place[]): readonly string[] {
  const values = places.flatMap(place => [...place.values].map(([option, choices]) =>
    `    ${quoted(`${pathOf(place)} ${option}`)}) found=${quoted(choices.join(' '))} ;;`))
  return [
    '  case "$place $before" in',
    ...values,
    '    *)',
    '      case "$current" in',
    '        -*) case "$place" in',
    ...places.map(place =>
      `          ${quoted(pathOf(place))}) found=${quoted(words(place.options))} ;;`),
    '        esac ;;',
    '        *) case "$place" in',
    ...places.filter(({ commands }) => commands.length > 0).map(place =>
      `          ${quoted(pathOf(place))}) found=${quoted(words(place.commands))} ;;`),
    '        esac ;;',
    '      esac ;;',
    '  esac'
  ]
}

/** Without a word that fits, the shell completes the names of files. */
function bash (places: readonly Place[]): string {
  return [
    '# For bash: source <(longhaul completion bash)',
    '_longhaul () {',
    `  local place=${quoted(pathOf(places[0] ?? nowhere))} found='' i`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case "$place ${COMP_WORDS[i]}" in',
    `      ${innerPaths(places)}) place="$place \${COMP_WORDS[i]}" ;;`,
    '    esac',
    '  done',
    ...cases(places),
    '  mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current")',
    '}',
    'complete -o default -F _longhaul longhaul',
    ''
  ].join('\n')
}

function zsh (places: readonly Place[]): string {
  return [
    '#compdef longhaul',
    '# For zsh: source <(longhaul completion zsh), after compinit',
    '_longhaul () {',
    `  local place=${quoted(pathOf(places[0] ?? nowhere))} found='' i`,
    '  local current="${words[CURRENT]}" before="${words[CURRENT-1]}"',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    case "$place ${words[i]}" in',
    `      (${innerPaths(places)}) place="$place \${words[i]}" ;;`,
    '    esac',
    '  done',
    ...cases(places),
    '  if [[ -n "$found" ]]; then compadd -- ${=found}; else _files; fi',
    '}',
    'compdef _longhaul longhaul',
    ''
  ].join('\n')
}

function fish (places: readonly Place[]): string {
  return [
    '# For fish: longhaul completion fish | source',
    ...places.flatMap(place => {
      const inside = place.path.slice(1)
      const deeper = place.commands.map(({ word }) => word)
      const seen = inside.map(word => `__fish_seen_subcommand_from ${word}`)
      const unseen = deeper.length === 0
        ? []
        : [`not __fish_seen_subcommand_from ${deeper.join(' ')}`]
      const condition = quoted([...seen, ...unseen].join('; and ') || 'true')
      const start = `complete -c longhaul -n ${condition}`
      return [
        ...place.commands.map(({ description, word }) =>
          `${start} -f -a ${quoted(word)} -d ${quoted(description)}`),
        ...place.options.map(({ description, word }) => {
          const choices = place.values.get(word)
          const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`
          const value = choices === undefined ? '' : ` -x -a ${quoted(choices.join(' '))}`
          return `${start} ${name}${value} -d ${quoted(description)}`
        })
      ]
    }),
    ''
  ].join('\n')
}

const nowhere: Place = { path: [], commands: [], options: [], values: new Map() }
