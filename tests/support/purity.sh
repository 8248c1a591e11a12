#!/usr/bin/env bash
# The pure rooms are pure: what their libraries take from outside (nm -u) is on the list below
# and nothing else. No socket, file, clock, randomness, database, process or environment.
#
# usage: purity.sh libparley_base.a libparley_templates.a libparley_webhooks.a libparley_flows.a
set -euo pipefail

# One extended regular expression a line; each must match a whole symbol.
allowed=$(grep -v '^#' <<'EOT'
# memory and text of the C library
(malloc|calloc|realloc|reallocarray|free|abort|__assert_fail|__assert_perror_fail)
(mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|explicit_bzero|bcmp)
(str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn|pbrk|chrnul|casecmp|ncasecmp|tol|toul|toll|toull|tod|cpy|ncpy|cat|ncat|dup|ndup|sep|tok_r)|stpcpy)
__isoc(23|99)_(strto(l|ul|ll|ull|imax|umax)|sscanf)
(v?snprintf|sscanf)
(__ctype_b_loc|__ctype_tolower_loc|__ctype_toupper_loc|is(alnum|alpha|digit|space|upper|lower|xdigit|print|punct)|to(lower|upper))
(qsort|qsort_r|bsearch|abs|labs|llabs|ldiv|lldiv)
(floor|ceil|round|lround|llround|trunc|fabs|pow|exp|log|sqrt|fmod|log2|log10|tanh|expf|sqrtf|isnan|isinf|nan|__isnan|__isinf|__fpclassify|__signbit)f?
(__errno_location|strerrordesc_np)
# gmtime_r reads no clock: it only counts
(gmtime_r|timegm)
# the libraries' pure parts
json_(object|array|string|integer|real|true|false|null|boolean|number|loadb|loads|dumps|dumpb|delete|deep_copy|copy|equal|incref|decref|vpack|pack|unpack)[a-z_]*
yaml_(parser_(initialize|delete|parse|set_input_string|set_encoding|scan|load)|event_delete|token_delete|document_(delete|get_node|get_root_node))
(crypto_(auth_hmacsha256|hash_sha256|generichash|stream|secretbox|aead|core|shorthash|verify)[a-z0-9_]*|sodium_(memcmp|memzero|bin2hex|hex2bin|init|malloc|free|is_zero|base642bin|bin2base64|compare|increment|pad|unpad|mlock|munlock))
EVP_Q_mac
# GMime and what of GLib it takes to call it: from memory to memory
(g_mime_(init|content_disposition|content_type|data_wrapper|format_options|header|message|multipart|object|param|parser|part|stream_mem)[a-z_]*|internet_address_[a-z_]+|g_date_time_(new_from_unix_utc|unref)|g_(free|object_unref|ascii_strcasecmp|type_check_instance_(cast|is_a)))
u(norm2?|brk|char|cnv|col|casemap|csm|dat|datpg|msg|num|numf|plrules|reldatefmt|fmtval|loc|listfmt|script|set|idna|case|text|trans|res|curr|field|fieldpositer|itf|bidi|regex|scrt|dispctx|formattable)_[A-Za-z0-9_]+
ucal_(open|close|setMillis|getMillis|get|set|setDateTime|add|clear|clone|setAttribute|getAttribute|openTimeZones|getTimeZoneOffsetFromLocal|setGregorianChange|getCanonicalTimeZoneID|getTimeZoneDisplayName|isSet|inDaylightTime)(_[0-9]+)?
utf8_[A-Za-z]+_[0-9]+
u_(errorName|is[A-Za-z]+|to[A-Z][A-Za-z]+|fold[A-Za-z]+|char[A-Za-z]*|str[A-Za-z0-9]+|mem[A-Za-z0-9]+|get[A-Z][A-Za-z]+|has[A-Za-z]+|digit|unescape|formatMessage|vformatMessage|count[A-Za-z0-9]+|[Uu]CharsToChars|charsToUChars|uastrn?cpy|austrn?cpy|init|cleanup|versionToString)(_[0-9]+)?
# what compilers, sanitizers and hardening add
__(asan|ubsan|tsan|sanitizer|lsan|sancov|msan|start|stop)_[A-Za-z0-9_]+
(__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__dso_handle|__tls_get_addr|__mul[a-z]*[0-9]|__u?divti3|__u?modti3|__popcountdi2|__muloti4)
__(memcpy|memmove|memset|mempcpy|strcpy|stpcpy|strncpy|strcat|strncat|snprintf|vsnprintf|explicit_bzero)_chk
EOT
)
# The ground may say its last words when memory is exhausted, and keep an iterator per thread.
ground='(pthread_(once|key_create|getspecific|setspecific)|fprintf|__fprintf_chk|fwrite|fputs|stderr)'

# Given together, so that what one defines another may use.
own=$(mktemp)
trap 'rm -f "$own"' EXIT
nm --defined-only "$@" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u >"$own"

bad=0
for library in "$@"; do
  pattern=$allowed
  case $library in *parley_base*) pattern+=$'\n'$ground ;; esac
  strange=$(nm -u "$library" 2>/dev/null | awk '$1 == "U" || $1 == "w" {print $2}' | sort -u |
    grep -vxFf "$own" | grep -vxEf <(printf '%s\n' "$pattern") || true)
  n=$(nm -u "$library" 2>/dev/null | awk '$1 == "U"' | wc -l)
  [ "$n" -gt 0 ] || { echo "$library: no symbols read"; bad=1; }
  for symbol in $strange; do
    printf '%s: takes %s from outside (%s)\n' "$(basename "$library")" "$symbol" \
      "$(nm -A -u "$library" 2>/dev/null | awk -v s="$symbol" '$NF == s {sub(/:.*/, "", $1); split($1, p, "/"); print p[length(p)]; exit}')"
    bad=1
  done
done
[ $bad -eq 0 ] || echo "pure rooms take no socket, file, clock, randomness, database or environment: tests/support/purity.sh"
exit $bad
