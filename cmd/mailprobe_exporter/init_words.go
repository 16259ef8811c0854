package main

import "github.com/mailprobe/mailprobe_exporter/catalog"

// initWords are the comments in what init writes, in both languages.
var initWords = struct {
	made, madeWithLetter, explained, checkFile, checkDomain, examples, untold, heloName, resolver, dane         catalog.Text
	recordsMX, recordSPF, recordsSRV, recordSTS, recordsTLSA, addresses                                         catalog.Text
	nullMX, noMX, mx, foreign, parked, mtaSTS                                                                   catalog.Text
	signers, selectors, unsigned, noSelectors                                                                   catalog.Text
	sender, receiver, senderDoubtful, senderProvider, senderMailer, senderUntold, mailFromOther, helo, mailFrom catalog.Text
	suggest, suggestMore, spfTwo, spfBroken, spfNone, spfNetworks, spfOthers                                    catalog.Text
	servers, noneToHand, serverProvider, own, ownMore                                                           catalog.Text

	reasons map[string]catalog.Text // As dnsclient.Reason names them.
}{
	made:           catalog.Text{EN: "exporter.yml for %s, made from its DNS.", RU: "exporter.yml для %s, составлен по DNS домена."},
	madeWithLetter: catalog.Text{EN: "exporter.yml for %s, made from its DNS and from a message that it sent.", RU: "exporter.yml для %s, составлен по DNS домена и по отправленному с него письму."},
	explained:      catalog.Text{EN: "Every key is explained in docs/configuration.md. Look through it, then start mailprobe_exporter.", RU: "Все ключи описаны в docs/configuration.md. Просмотрите файл и запускайте mailprobe_exporter."},
	checkFile:      catalog.Text{EN: "Check the file with: mailprobe_exporter --config.check", RU: "Проверить файл: mailprobe_exporter --config.check"},
	checkDomain:    catalog.Text{EN: "See what is wrong now: mailprobe_exporter check %s", RU: "Что сейчас не в порядке: mailprobe_exporter check %s"},
	examples:       catalog.Text{EN: "A line that begins with # and a key or an entry is an example: take the # away to use it.", RU: "Строка, в начале которой # стоит перед ключом или пунктом списка, — пример: уберите #, чтобы она действовала."},
	untold:         catalog.Text{EN: "DNS did not tell these; what depends on them is missing below. Run init again later, or with --resolver:", RU: "Этого DNS не сообщил, и зависящих от этого строк ниже нет. Запустите init позже или с --resolver:"},
	heloName:       catalog.Text{EN: "The name to say in EHLO: one that DNS leads to the address from which this machine connects. Default: this machine's own name, if DNS knows it.", RU: "Имя для EHLO: то, которое в DNS ведёт на адрес, с которого соединяется эта машина. По умолчанию собственное имя машины, если его знает DNS."},
	resolver:       catalog.Text{EN: "Whom to ask DNS. Blocklists refuse large public resolvers, so let this be one of your own. Default: the resolvers of /etc/resolv.conf.", RU: "Кого спрашивать о DNS. Чёрные списки не отвечают большим публичным резолверам, поэтому лучше свой. По умолчанию резолверы из /etc/resolv.conf."},
	dane:           catalog.Text{EN: "There are TLSA records (DANE) for %s. They are compared with the certificates only where a trusted resolver validates DNSSEC:", RU: "Есть записи TLSA (DANE) для %s. С сертификатами они сверяются, только если DNSSEC проверяет доверенный резолвер:"},

	recordsMX:   catalog.Text{EN: "MX records of", RU: "Записи MX домена"},
	recordSPF:   catalog.Text{EN: "SPF record of", RU: "Запись SPF домена"},
	recordsSRV:  catalog.Text{EN: "SRV records", RU: "Записи SRV"},
	recordSTS:   catalog.Text{EN: "MTA-STS record", RU: "Запись MTA-STS"},
	recordsTLSA: catalog.Text{EN: "TLSA records", RU: "Записи TLSA"},
	addresses:   catalog.Text{EN: "Addresses of", RU: "Адреса"},

	nullMX:  catalog.Text{EN: "Its MX record says that it takes no mail (null MX).", RU: "Его запись MX говорит, что почту он не принимает (null MX)."},
	noMX:    catalog.Text{EN: "It has no MX record: mail goes to the address of the domain itself, if it has one.", RU: "Записи MX нет: почта идёт на адрес самого домена, если он есть."},
	mx:      catalog.Text{EN: "Its mail is taken by these hosts, which are found and probed by themselves:", RU: "Его почту принимают эти серверы, они находятся и проверяются сами:"},
	foreign: catalog.Text{EN: "A provider's server is asked once an hour, and its faults are for information only.", RU: "Серверы провайдера опрашиваются раз в час, их неполадки только к сведению."},
	parked:  catalog.Text{EN: "Null MX and \"v=spf1 -all\": it neither sends nor receives.", RU: "Null MX и «v=spf1 -all»: он не отправляет и не принимает почту."},
	mtaSTS:  catalog.Text{EN: "It has an MTA-STS record; its policy is checked by itself (mta_sts).", RU: "У него есть запись MTA-STS, политика проверяется сама (mta_sts)."},

	signers:     catalog.Text{EN: "The message is also signed by %s. Keys are checked where such a domain has an entry of its own in this list.", RU: "Письмо подписано и доменом %s. Его ключи проверяются, если у такого домена есть своя запись в этом списке."},
	selectors:   catalog.Text{EN: "The s= of the DKIM signatures in the message. Messages of other kinds (newsletters, invoices) may be signed with others: add them.", RU: "s= из подписей DKIM этого письма. Другие письма (рассылки, счета) могут подписываться другими: добавьте их."},
	unsigned:    catalog.Text{EN: "The message has no DKIM signature of %s, so no selector is known.", RU: "В письме нет подписи DKIM домена %s, поэтому селектор неизвестен."},
	noSelectors: catalog.Text{EN: "DKIM selectors cannot be found in DNS: they are the s= of DKIM-Signature in a message that was sent. init --from letter.eml reads them.", RU: "Селекторы DKIM в DNS не найти: это s= в поле DKIM-Signature отправленного письма. Их прочтёт init --from letter.eml."},

	sender:         catalog.Text{EN: "%s, which took the message from outside, wrote that it came from %s. Its own line is believed; the lines below it anybody who sends can write.", RU: "%s, принявший письмо снаружи, записал, что оно пришло с %s. Верим его собственной строке: строки ниже может написать любой отправитель."},
	receiver:       catalog.Text{EN: "The server", RU: "Сервер"},
	senderDoubtful: catalog.Text{EN: "%s wrote that the message came from %s. That machine has no name in the domain, and SPF does not vouch for it: it may be a filter or a forwarder before the mailbox. Is it yours?", RU: "%s записал, что письмо пришло с %s. Имени в домене у этой машины нет, SPF её не подтверждает: возможно, это фильтр или пересылка перед ящиком. Она ваша?"},
	senderProvider: catalog.Text{EN: "The message left from %s, a machine of %s. It sends for many, from addresses that change, and is no sender to watch.", RU: "Письмо ушло с %s, это машина провайдера: %s. Она отправляет за многих и с меняющихся адресов, следить за ней не нужно."},
	senderMailer:   catalog.Text{EN: "The message never left its own mail system, so no sending address is known: send one to a mailbox at another provider.", RU: "Письмо не покидало свою почтовую систему, адрес отправки неизвестен: отправьте письмо на ящик у другого провайдера."},
	senderUntold:   catalog.Text{EN: "No Received line of the message tells of an address that it left from.", RU: "Ни одна строка Received письма не называет адрес отправки."},
	mailFromOther:  catalog.Text{EN: "MAIL FROM of the message is at %s: SPF of that domain counts for it, not of this one.", RU: "MAIL FROM письма — в домене %s: для него важна SPF того домена, а не этого."},
	helo:           catalog.Text{EN: "The name by which it called itself (EHLO).", RU: "Имя, которым он представился (EHLO)."},
	mailFrom:       catalog.Text{EN: "MAIL FROM of the message was at %s, so SPF is evaluated for that, too.", RU: "MAIL FROM письма был в домене %s, поэтому SPF проверяется и для него."},

	suggest:     catalog.Text{EN: "Senders are never guessed. The SPF record names these addresses; keep those from which mail really leaves:", RU: "Адреса отправки мы не угадываем. Запись SPF называет эти адреса; оставьте те, с которых почта действительно уходит:"},
	suggestMore: catalog.Text{EN: "The SPF record names these addresses, too. Add those from which mail really leaves:", RU: "Запись SPF называет и эти адреса. Добавьте те, с которых почта действительно уходит:"},
	spfTwo:      catalog.Text{EN: "There is more than one SPF record, which is as bad as a broken one; none was read.", RU: "Записей SPF больше одной, это равносильно сломанной; ни одна не прочитана."},
	spfBroken:   catalog.Text{EN: "The SPF record has mistakes (mailprobe_exporter check tells); what could be read of it counts here.", RU: "В записи SPF есть ошибки (их назовёт mailprobe_exporter check); здесь учтено то, что удалось прочесть."},
	spfNone:     catalog.Text{EN: "The SPF record says that nobody sends for this domain (\"v=spf1 -all\"). If that is meant, and it receives nothing either, its module is parked.", RU: "Запись SPF говорит, что с этого домена никто не отправляет («v=spf1 -all»). Если так и задумано и почту он тоже не принимает, его модуль — parked."},
	spfNetworks: catalog.Text{EN: "The SPF record passes whole networks: %s. Which addresses in them send it does not say.", RU: "Запись SPF разрешает целые сети: %s. Какие адреса в них отправляют, она не говорит."},
	spfOthers:   catalog.Text{EN: "And it leads to others: %s. Machines of a mail provider are no senders of yours.", RU: "И она ссылается на других: %s. Машины почтового провайдера не ваши отправители."},

	servers:        catalog.Text{EN: "Servers that no MX record leads to, as those where people hand in their mail (from the SRV records _submissions._tcp and _submission._tcp, if there are any).", RU: "Серверы, на которые не ведёт MX, например те, где пользователи сдают почту (по записям SRV _submissions._tcp и _submission._tcp, если они есть)."},
	noneToHand:     catalog.Text{EN: "An SRV record says that there is no such server.", RU: "Запись SRV говорит, что такого сервера нет."},
	serverProvider: catalog.Text{EN: "A server of %s, which you cannot mend:", RU: "Сервер провайдера, чинить его не вам: %s."},
	own:            catalog.Text{EN: "MX hosts that are yours: their faults count fully. Here stand those whose name lies in the domain.", RU: "Ваши собственные серверы MX: их неполадки учитываются полностью. Здесь те, чьё имя лежит в домене."},
	ownMore:        catalog.Text{EN: "If these are yours, add them: %s", RU: "Если эти тоже ваши, добавьте их: %s"},

	reasons: map[string]catalog.Text{
		"timeout":  {EN: "no answer in time", RU: "нет ответа вовремя"},
		"servfail": {EN: "the resolver failed (SERVFAIL)", RU: "сбой резолвера (SERVFAIL)"},
		"refused":  {EN: "the resolver refused", RU: "резолвер отказал"},
		"error":    {EN: "the resolver cannot be reached, or its answer not be read", RU: "резолвер недоступен, или его ответ не прочесть"},
	},
}
