/**
 * `zeroth completion`: scripts for shells, made from the commands' definitions. Names that change, of models and the
 * like, are asked of the program when Tab is pressed: `zeroth completion names COMMAND`.
 */
import { fail } from "../../errors.ts";
import { type Command, type Commands, longFlag } from "../command.ts";
import { defineCommand } from "../define.ts";
import { common, modelNames } from "../options.ts";

const flagsOf = ({ options }: Command): string[] => [...options, ...common].map(longFlag);

/** What may follow a command's name: its words, where it has some, and its options. */
const offered = (command: Command): string[] => [...(command.words ?? []), ...flagsOf(command)];

/** Options that take one of a few values, with how they are typed behind their command. */
const valuesOf = (commands: Commands) =>
  Object.entries(commands).flatMap(([name, { options }]) =>
    options.flatMap((option) =>
      option.values === undefined ? [] : [{ name, flag: longFlag(option), values: option.values }],
    ),
  );

/** Commands whose arguments are names that the program knows. */
const naming = (commands: Commands): string[] =>
  Object.entries(commands).flatMap(([name, { names }]) => (names ? [name] : []));

const lines = (commands: Commands, line: (name: string, command: Command) => string): string =>
  Object.entries(commands)
    .map(([name, command]) => line(name, command))
    .join("\n");

/** Names hold "/" and ":", at which bash breaks words: the part before the last break is taken off again. */
const bash = (commands: Commands) => `_zeroth() {
  local cur prev words
  cur="\${COMP_LINE:0:COMP_POINT}"
  cur="\${cur##* }"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  case "$cur" in -*=*) prev="\${cur%%=*}" cur="\${cur#*=}" ;; esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${Object.keys(commands).join(" ")}"
  elif [ "$prev" = "--model" ] || [ "$prev" = "-m" ]; then
    words="$(zeroth completion models 2>/dev/null)"
  else
    case "\${COMP_WORDS[1]} $prev" in
${valuesOf(commands)
  .map(({ name, flag, values }) => `      "${name} ${flag}") words="${values.join(" ")}" ;;`)
  .join("\n")}
    esac
    if [ -z "$words" ]; then
      case "\${COMP_WORDS[1]}" in
${lines(commands, (name, command) => `        ${name}) words="${offered(command).join(" ")}" ;;`)}
      esac
      case "\${COMP_WORDS[1]}" in
        ${naming(commands).join("|")}) words="$words $(zeroth completion names "\${COMP_WORDS[1]}" 2>/dev/null)" ;;
      esac
    fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  local cut="\${cur%"\${cur##*[:=]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
  [ "\${#COMPREPLY[@]}" -gt 0 ] && [ -n "\${COMPREPLY[0]}" ] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -F _zeroth zeroth
`;

const zsh = (commands: Commands) => `#compdef zeroth
_zeroth() {
  if (( CURRENT == 2 )); then
    compadd -- ${Object.keys(commands).join(" ")}
    return
  fi
  case "\${words[2]} \${words[CURRENT-1]}" in
    *" --model"|*" -m") compadd -- \${(f)"$(zeroth completion models 2>/dev/null)"}; return ;;
${valuesOf(commands)
  .map(({ name, flag, values }) => `    "${name} ${flag}") compadd -- ${values.join(" ")}; return ;;`)
  .join("\n")}
  esac
  case "\${words[2]}" in
${lines(commands, (name, command) => `    ${name}) compadd -- ${offered(command).join(" ")} ;;`)}
  esac
  case "\${words[2]}" in
    ${naming(commands).join("|")}) compadd -- \${(f)"$(zeroth completion names "\${words[2]}" 2>/dev/null)"} ;;
  esac
  _files
}
compdef _zeroth zeroth
`;

const fish = (commands: Commands) => {
  const after = (name: string, rest: string) => `complete -c zeroth -n "__fish_seen_subcommand_from ${name}" ${rest}`;
  return [
    "complete -c zeroth -f",
    lines(commands, (name, { summary }) => `complete -c zeroth -n __fish_use_subcommand -a ${name} -d '${summary}'`),
    ...Object.entries(commands).flatMap(([name, { words = [], names, options }]) => [
      ...(words.length > 0 ? [after(name, `-a "${words.join(" ")}"`)] : []),
      ...(names ? [after(name, `-a "(zeroth completion names ${name} 2>/dev/null)"`)] : []),
      ...[...options, ...common].map((option) => {
        const flag = longFlag(option);
        const values = "values" in option ? ` -x -a "${option.values.join(" ")}"` : "";
        const models = flag === "--model" ? ' -x -a "(zeroth completion models 2>/dev/null)"' : values;
        return after(name, `-l ${flag.slice(2)}${models}`);
      }),
    ]),
    "",
  ].join("\n");
};

const powershell = (commands: Commands) => {
  const list = (words: readonly string[]) => `@(${words.map((word) => `'${word}'`).join(", ")})`;
  return `Register-ArgumentCompleter -Native -CommandName zeroth -ScriptBlock {
  param($word, $ast, $cursor)
  $parts = $ast.CommandElements | ForEach-Object { $_.ToString() }
  $offered = @{
${lines(commands, (name, command) => `    '${name}' = ${list(offered(command))}`)}
  }
  $values = @{
${valuesOf(commands)
  .map(({ name, flag, values }) => `    '${name} ${flag}' = ${list(values)}`)
  .join("\n")}
  }
  $naming = ${list(naming(commands))}
  $previous = if ($word -eq '') { $parts[-1] } else { $parts[-2] }
  $choices = if ($parts.Count -le 1 -or ($parts.Count -eq 2 -and $word -ne '')) { $offered.Keys }
    elseif ($previous -in '--model', '-m') { zeroth completion models }
    elseif ($values.ContainsKey("$($parts[1]) $previous")) { $values["$($parts[1]) $previous"] }
    elseif ($parts[1] -in $naming) { $offered[$parts[1]] + @(zeroth completion names $parts[1]) }
    else { $offered[$parts[1]] }
  $choices | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`;
};

const shells = { bash, zsh, fish, powershell };

/** What a shell asks when Tab is pressed. */
async function namesFor(command: string | undefined, commands: Commands): Promise<readonly string[]> {
  const known = command !== undefined && Object.hasOwn(commands, command) ? commands[command] : undefined;
  return (await known?.names?.()) ?? [];
}

export default defineCommand({
  group: "program",
  summary: "Shell completion: bash, zsh, fish or powershell",
  arguments: "<shell> [command]",
  words: Object.keys(shells),
  options: [],
  rows: "a script, no rows; `names COMMAND`: what a command's arguments may be, one a line",
  example: 'eval "$(zeroth completion bash)"',
  async run({ args: [shell, command], commands }) {
    if (shell === "models" || shell === "names") {
      const names = shell === "models" ? await modelNames() : await namesFor(command, commands);
      process.stdout.write(names.map((name) => `${name}\n`).join(""));
      return 0;
    }
    const script = Object.entries(shells).find(([name]) => name === shell)?.[1];
    if (!script) fail("wrong_use", `${shell ?? "no shell"}: expected ${Object.keys(shells).join(", ")}`);
    process.stdout.write(script(commands));
    return 0;
  },
});
