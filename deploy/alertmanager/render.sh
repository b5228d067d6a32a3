#!/bin/sh
# Make Alertmanager's configuration from the environment: render.sh INTO_FOLDER. Secrets are named by their files and never read into it.
# ALERTS_SLACK_URL_FILE  file with the URL of a Slack webhook (default /run/secrets/slack_webhook_url); absent or empty: no Slack
# ALERTS_SLACK_CHANNEL   channel, where the webhook is allowed to choose one
# ALERTS_SMTP_HOST       HOST:PORT of a mail server; empty: no mail. With it ALERTS_SMTP_FROM and ALERTS_SMTP_TO (addresses with commas between them)
# ALERTS_SMTP_USER       account there, with ALERTS_SMTP_PASSWORD_FILE (default /run/secrets/smtp_password)
# ALERTS_SMTP_TLS        false for a server that speaks no TLS
# ALERTS_RUNBOOKS_URL    address of docs/runbooks as people reach it
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:?render.sh INTO_FOLDER}

refuse() {
  echo "alertmanager: $*" >&2
  exit 2
}

# of a variable, or a default: a value for inside single quotes of YAML, on the right side of sed's s|||
safe() {
  value=$(printenv "$1" || true)
  case $value in *"'"* | *"
"*) refuse "$1 holds a quote or a line break, which no address has." ;; esac
  printf '%s' "${value:-${2-}}" | sed 's/[\\|&]/\\&/g'
}

slack=${ALERTS_SLACK_URL_FILE:-/run/secrets/slack_webhook_url}
drop='/#none$/d'
[ -s "$slack" ] || drop="$drop; /#slack\$/d"
if [ -z "${ALERTS_SMTP_HOST:-}" ]; then
  drop="$drop; /#mail\$/d; /#login\$/d"
else
  [ -n "${ALERTS_SMTP_FROM:-}" ] || refuse "ALERTS_SMTP_HOST is set and ALERTS_SMTP_FROM is not: say whom mails come from."
  [ -n "${ALERTS_SMTP_TO:-}" ] || refuse "ALERTS_SMTP_HOST is set and ALERTS_SMTP_TO is not: say whom mails go to."
  case $ALERTS_SMTP_HOST in *:[0-9]*) ;; *) refuse "ALERTS_SMTP_HOST is HOST:PORT, mail.bank.example:587 for example." ;; esac
  if [ -z "${ALERTS_SMTP_USER:-}" ]; then
    drop="$drop; /#login\$/d"
  else
    password=${ALERTS_SMTP_PASSWORD_FILE:-/run/secrets/smtp_password}
    [ -s "$password" ] || refuse "ALERTS_SMTP_USER is set and $password is absent or empty: put the password there."
  fi
fi
case ${ALERTS_SMTP_TLS:-true} in true | false) ;; *) refuse "ALERTS_SMTP_TLS is true or false." ;; esac
if [ ! -s "$slack" ] && [ -z "${ALERTS_SMTP_HOST:-}" ]; then
  echo "alertmanager: no channel is set, so alerts are shown on its page and told to nobody (docs/instruments.md)." >&2
fi

# one by one: a refusal inside an argument would end nothing
runbooks=$(safe ALERTS_RUNBOOKS_URL docs/runbooks)
slack_url_file=$(safe ALERTS_SLACK_URL_FILE /run/secrets/slack_webhook_url)
slack_channel=$(safe ALERTS_SLACK_CHANNEL)
smtp_host=$(safe ALERTS_SMTP_HOST)
smtp_from=$(safe ALERTS_SMTP_FROM)
smtp_to=$(safe ALERTS_SMTP_TO)
smtp_user=$(safe ALERTS_SMTP_USER)
smtp_password_file=$(safe ALERTS_SMTP_PASSWORD_FILE /run/secrets/smtp_password)

mkdir -p "$into"
sed "s|@RUNBOOKS@|$runbooks|g" "$here/tidegate.tmpl" >"$into/tidegate.tmpl"
sed -e "$drop" \
  -e "s|@SLACK_URL_FILE@|$slack_url_file|" \
  -e "s|@SLACK_CHANNEL@|$slack_channel|" \
  -e "s|@SMTP_HOST@|$smtp_host|" \
  -e "s|@SMTP_FROM@|$smtp_from|" \
  -e "s|@SMTP_TO@|$smtp_to|" \
  -e "s|@SMTP_TLS@|${ALERTS_SMTP_TLS:-true}|" \
  -e "s|@SMTP_USER@|$smtp_user|" \
  -e "s|@SMTP_PASSWORD_FILE@|$smtp_password_file|" \
  -e "s|@TEMPLATES@|$into/tidegate.tmpl|" \
  "$here/alertmanager.yml.in" >"$into/alertmanager.yml"
