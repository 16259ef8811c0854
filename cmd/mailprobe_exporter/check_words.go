package main

import "github.com/mailprobe/mailprobe_exporter/catalog"

// checkWords are what the command check says around the catalogue's texts, in both languages.
var checkWords = struct {
	inOrder, partly, unknown, notOpen, refusedUs, follows, more, accepted, untold, noTime, firstOf, asAbove, listSays, own, overran, interrupted, nothingTold, well, wellSoFar, sick, sickOne catalog.Text
	ports, portLogin, portRefuses, portBlocked, portSilent, portClosed, portFails, noLogin                                                                                                    catalog.Text

	// What a check saw.
	withoutTLS, certificate, issuer, expired, days, tlsaMatch, nullMX, lookups, voids, dmarc, covered, met, clean catalog.Text
	signed, notSigned, published, none                                                                            catalog.Text

	severities map[catalog.Severity]catalog.Text
	portUse    map[uint16]catalog.Text
}{
	inOrder:     catalog.Text{EN: "in order", RU: "в порядке"},
	partly:      catalog.Text{EN: "in order as far as it could be told", RU: "в порядке, насколько удалось узнать"},
	unknown:     catalog.Text{EN: "could not be told", RU: "узнать не удалось"},
	notOpen:     catalog.Text{EN: "does not answer", RU: "не отвечает"},
	follows:     catalog.Text{EN: "requirements not met because of the problems below", RU: "требования не выполнены из-за проблем, перечисленных ниже"},
	refusedUs:   catalog.Text{EN: "refuses this computer, so that the rest could not be told", RU: "отказывает этому компьютеру, остальное узнать не удалось"},
	more:        catalog.Text{EN: "Causes and references: mailprobe_exporter explain %s", RU: "Причины и источники: mailprobe_exporter explain %s"},
	accepted:    catalog.Text{EN: "Known and accepted", RU: "Известно и принято"},
	untold:      catalog.Text{EN: "Could not be told", RU: "Узнать не удалось"},
	noTime:      catalog.Text{EN: "the time was over", RU: "не хватило времени"},
	firstOf:     catalog.Text{EN: "written for %s; the same for the others with their own values", RU: "написано для %s; для остальных так же, со своими значениями"},
	listSays:    catalog.Text{EN: "The list says: %s", RU: "Список пишет: %s"},
	asAbove:     catalog.Text{EN: "What it means and what to do: see above.", RU: "Что это значит и что делать — см. выше."},
	interrupted: catalog.Text{EN: "Interrupted before everything had been asked.", RU: "Прервано раньше, чем всё удалось спросить."},
	own:         catalog.Text{EN: "About this computer: what a check finds from here may differ from what others see", RU: "Об этом компьютере: отсюда картина может отличаться от той, что видят другие"},
	overran:     catalog.Text{EN: "The time was over before everything had been asked; --timeout gives more.", RU: "Время вышло раньше, чем всё удалось спросить; больше даёт --timeout."},
	nothingTold: catalog.Text{EN: "%s: nothing could be told.", RU: "%s: ничего узнать не удалось."},
	well:        catalog.Text{EN: "%s: all is well.", RU: "%s: всё в порядке."},
	wellSoFar:   catalog.Text{EN: "%s: nothing is wrong as far as it could be told.", RU: "%s: насколько удалось узнать, всё в порядке."},
	sick:        catalog.Text{EN: "%s: problems found: %d critical, %d warnings, %d for information.", RU: "%s: найдены проблемы: критических — %d, предупреждений — %d, к сведению — %d."},
	sickOne:     catalog.Text{EN: "%s: problems found: %d critical, %d warning, %d for information.", RU: "%s: найдены проблемы: критических — %d, предупреждений — %d, к сведению — %d."},

	ports:       catalog.Text{EN: "What this computer can use %s for", RU: "Для чего с этого компьютера можно использовать %s"},
	portLogin:   catalog.Text{EN: "Logging in is offered, encrypted.", RU: "Вход предлагается, с шифрованием."},
	portRefuses: catalog.Text{EN: "Answers, and refuses at once with code %s.", RU: "Отвечает и сразу отказывает с кодом %s."},
	portBlocked: catalog.Text{
		EN: "No answer, while another port of this host answers: port 25 is blocked on the way, most likely on your side, as internet providers do for homes and offices. Mail programs do not need it; for them use a port below that works.",
		RU: "Ответа нет, хотя другой порт этого сервера отвечает: порт 25 закрыт по дороге, скорее всего на вашей стороне — так поступают провайдеры с домашними и офисными подключениями. Почтовым программам он не нужен: возьмите порт ниже, который работает.",
	},
	portSilent: catalog.Text{EN: "No answer: the port is not open to this computer, or something on the way drops the connection.", RU: "Ответа нет: порт для этого компьютера закрыт, или соединение теряется по дороге."},
	portClosed: catalog.Text{EN: "Closed: the connection is refused.", RU: "Закрыт: в соединении отказано."},
	portFails:  catalog.Text{EN: "Does not work: %s.", RU: "Не работает: %s."},
	noLogin: catalog.Text{
		EN: "The user was not tried: no port offers a login over TLS whose certificate verifies, and the password is sent over nothing else.",
		RU: "Вход не пробовали: ни один порт не предлагает вход по TLS с проверенным сертификатом, а иначе пароль не отправляется.",
	},

	withoutTLS:  catalog.Text{EN: "without TLS", RU: "без TLS"},
	certificate: catalog.Text{EN: "certificate until %s (%s)", RU: "сертификат до %s (%s)"},
	issuer:      catalog.Text{EN: "its issuer's until %s (%s)", RU: "сертификат издателя до %s (%s)"},
	expired:     catalog.Text{EN: "certificate expired on %s", RU: "сертификат истёк %s"},
	days:        catalog.Text{EN: "%d d", RU: "%d дн."},
	tlsaMatch:   catalog.Text{EN: "TLSA matches: %s", RU: "TLSA подходит: %s"},
	nullMX:      catalog.Text{EN: "null MX: takes no mail", RU: "null MX: почту не принимает"},
	lookups:     catalog.Text{EN: "lookups %d of %d", RU: "запросов %d из %d"},
	voids:       catalog.Text{EN: "void %d of %d", RU: "пустых %d из %d"},
	dmarc:       catalog.Text{EN: "p=%s, sp=%s, from %s", RU: "p=%s, sp=%s, из %s"},
	covered:     catalog.Text{EN: "MX hosts covered %d of %d", RU: "покрыто MX-хостов %d из %d"},
	met:         catalog.Text{EN: "requirements met: %s", RU: "выполнено требований: %s"},
	clean:       catalog.Text{EN: "not listed: %d of %d look-ups (%s)", RU: "не в списках: %d из %d запросов (%s)"},
	signed:      catalog.Text{EN: "signed", RU: "подписан"},
	notSigned:   catalog.Text{EN: "not signed", RU: "не подписан"},
	published:   catalog.Text{EN: "published", RU: "опубликовано"},
	none:        catalog.Text{EN: "no usable record", RU: "пригодной записи нет"},

	severities: map[catalog.Severity]catalog.Text{
		catalog.SeverityCritical: {EN: "CRITICAL", RU: "КРИТИЧНО"},
		catalog.SeverityWarning:  {EN: "WARNING", RU: "ВНИМАНИЕ"},
		catalog.SeverityInfo:     {EN: "FOR INFORMATION", RU: "К СВЕДЕНИЮ"},
	},
	portUse: map[uint16]catalog.Text{
		25:   {EN: "Works: messages can be delivered to this host from here, as mail servers do.", RU: "Работает: отсюда можно передавать письма этому серверу, как делают почтовые серверы."},
		465:  {EN: "Works: for mail programs, with TLS from the first moment (SSL/TLS).", RU: "Работает: для почтовых программ, с шифрованием сразу (SSL/TLS)."},
		587:  {EN: "Works: for mail programs, with STARTTLS.", RU: "Работает: для почтовых программ, со STARTTLS."},
		2525: {EN: "Works: a spare for 587 where that is blocked, with STARTTLS.", RU: "Работает: запасной порт вместо 587, если тот закрыт, со STARTTLS."},
	},
}
