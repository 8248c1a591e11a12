# Bash completion of parley: source it, or install it as
# /usr/share/bash-completion/completions/parley. It asks parley itself, so it is never behind.
_parley() {
  local word=${COMP_WORDS[COMP_CWORD]} command='' i words=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --config) ((i++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --config ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  if [[ ! $command ]]; then
    words="--config --help --version $("${COMP_WORDS[0]}" --help 2>/dev/null |
      sed -nE 's/^  ([a-z]+) +[^ ].*/\1/p' | grep -vx parley)"
  else
    # The lower-case words and options of the usage line.
    words="--help $("${COMP_WORDS[0]}" "$command" --help 2>/dev/null |
      sed -n "s/^usage: parley $command//p" | grep -oE '(--)?[a-z][a-z-]+')"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _parley parley
