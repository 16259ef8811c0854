package catalog

// A Who is somebody who can mend a problem. Often all of them are one person; in a company, or with a provider, they are not.
type Who string

// Those who can mend a problem.
const (
	WhoDNS      Who = "dns"      // Who keeps the domain's zone.
	WhoServer   Who = "server"   // Who runs the mail server.
	WhoAddress  Who = "address"  // Who gave out the IP address.
	WhoWebsite  Who = "website"  // Who runs the web server.
	WhoExporter Who = "exporter" // Who runs and configures the exporter.
)

// Text says who that is; it is empty for one that is none of the above.
func (w Who) Text() Text {
	switch w {
	case WhoDNS:
		return Text{EN: "whoever keeps the domain's DNS zone: you, the registrar or the DNS provider", RU: "тот, кто ведёт DNS-зону домена: вы, регистратор или DNS-хостинг"}
	case WhoServer:
		return Text{EN: "the administrator of the mail server", RU: "администратор почтового сервера"}
	case WhoAddress:
		return Text{EN: "whoever gave you the IP address: the hosting or internet provider", RU: "тот, кто выдал IP-адрес: хостинг или интернет-провайдер"}
	case WhoWebsite:
		return Text{EN: "whoever runs the web server", RU: "тот, кто ведёт веб-сервер"}
	case WhoExporter:
		return Text{EN: "whoever runs and configures the exporter", RU: "тот, кто ведёт и настраивает экспортёр"}
	}
	return Text{}
}
