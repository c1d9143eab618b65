/** Completion scripts, made from the table of commands; model names are asked of the program when Tab is pressed. */
import { fail } from "../errors.ts";
import { type CommandName, commands, common, longFlag, type OptionSpec } from "./commands.ts";

const names = Object.keys(commands) as CommandName[];
const flagsOf = (name: CommandName): string[] =>
  [...(commands[name].options as readonly OptionSpec[]), ...common].map(longFlag);

/** What may follow a command's name: its words, where it has some, and its options. */
const offered = (name: CommandName): string =>
  [
    ...(name === "cache" ? ["list", "remove"] : name === "prompts" ? ["list", "show", "render", "check"] : []),
    ...flagsOf(name),
  ].join(" ");

const cases = (line: (name: CommandName) => string) => names.map(line).join("\n");

/** Names hold "/" and ":", at which bash breaks words: the part before the last break is taken off again. */
const bash = () => `_zeroth() {
  local cur prev words
  cur="\${COMP_LINE:0:COMP_POINT}"
  cur="\${cur##* }"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  case "$cur" in -*=*) prev="\${cur%%=*}" cur="\${cur#*=}" ;; esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${names.join(" ")}"
  elif [ "$prev" = "--model" ] || [ "$prev" = "-m" ]; then
    words="$(zeroth completion models 2>/dev/null)"
  else
    case "\${COMP_WORDS[1]}" in
${cases((name) => `      ${name}) words="${offered(name)}" ;;`)}
    esac
    case "\${COMP_WORDS[1]}" in
      inspect|export|bench|pull|cache) words="$words $(zeroth completion models 2>/dev/null)" ;;
      plan) words="$words $(zeroth completion planned 2>/dev/null)" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  local cut="\${cur%"\${cur##*[:=]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
  [ "\${#COMPREPLY[@]}" -gt 0 ] && [ -n "\${COMPREPLY[0]}" ] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -F _zeroth zeroth
`;

const zsh = () => `#compdef zeroth
_zeroth() {
  if (( CURRENT == 2 )); then
    compadd -- ${names.join(" ")}
  elif [[ "\${words[CURRENT-1]}" == (--model|-m) ]]; then
    compadd -- \${(f)"$(zeroth completion models 2>/dev/null)"}
  else
    case "\${words[2]}" in
${cases((name) => `      ${name}) compadd -- ${offered(name)} ;;`)}
    esac
    case "\${words[2]}" in
      inspect|export|bench|pull|cache) compadd -- \${(f)"$(zeroth completion models 2>/dev/null)"} ;;
      plan) compadd -- \${(f)"$(zeroth completion planned 2>/dev/null)"} ;;
    esac
    _files
  fi
}
compdef _zeroth zeroth
`;

const fish = () => `complete -c zeroth -f
${cases((name) => `complete -c zeroth -n __fish_use_subcommand -a ${name} -d '${commands[name].summary}'`)}
complete -c zeroth -n "__fish_seen_subcommand_from inspect export bench pull cache" -a "(zeroth completion models 2>/dev/null)"
complete -c zeroth -n "__fish_seen_subcommand_from plan" -a "(zeroth completion planned 2>/dev/null)"
${names
  .flatMap((name) =>
    flagsOf(name).map((flag) => {
      const models = flag === "--model" ? ' -x -a "(zeroth completion models 2>/dev/null)"' : "";
      return `complete -c zeroth -n "__fish_seen_subcommand_from ${name}" -l ${flag.slice(2)}${models}`;
    }),
  )
  .join("\n")}
`;

const powershell = () => `Register-ArgumentCompleter -Native -CommandName zeroth -ScriptBlock {
  param($word, $ast, $cursor)
  $parts = $ast.CommandElements | ForEach-Object { $_.ToString() }
  $flags = @{
${cases(
  (name) =>
    `    '${name}' = @(${flagsOf(name)
      .map((flag) => `'${flag}'`)
      .join(", ")})`,
)}
  }
  $previous = if ($word -eq '') { $parts[-1] } else { $parts[-2] }
  $choices = if ($parts.Count -le 1 -or ($parts.Count -eq 2 -and $word -ne '')) { $flags.Keys }
    elseif ($previous -in '--model', '-m') { zeroth completion models }
    else { $flags[$parts[1]] }
  $choices | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`;

const shells = { bash, zsh, fish, powershell };

/** The script for a shell; "models" lists the names that can be completed, "planned" also those plan knows. */
export async function completion(shell: string | undefined): Promise<string> {
  if (shell === "models") {
    const { listModels } = await import("../hub/find-node.ts");
    return `${listModels().join("\n")}\n`;
  }
  if (shell === "planned") {
    const { listModels } = await import("../hub/find-node.ts");
    const { knownNames } = await import("../plan/known.ts");
    return `${[...new Set([...listModels(), ...knownNames])].join("\n")}\n`;
  }
  if (!shell || !(shell in shells)) {
    fail("wrong_use", `${shell ?? "no shell"}: expected ${Object.keys(shells).join(", ")}`);
  }
  return shells[shell as keyof typeof shells]();
}
