// Who lives through the day: for each channel one of each language. Numbers are of the range that is
// kept for fiction. A phone of those who only write mails is unknown to the shop.
const of = (number, name, language, more = {}) => ({ phone: `+155501200${number}`, id: `C-${number}`, order: `DAY-10${number}`, invoice: `INV-20${number}`, name, language, zone: "America/New_York", ...more });

export const PEOPLE = {
  ann: of("11", "Ann Archer", "en", { door: "whatsapp", mail: "ann@people.example" }),
  eva: of("12", "Eva Ríos", "es", { door: "whatsapp" }),
  ola: of("13", "Ola Sowa", "pl", { door: "whatsapp", zone: "Europe/Warsaw" }),
  amal: of("14", "أمل ناصر", "ar", { door: "whatsapp" }),
  tom: of("21", "Tom Barrow", "en", { door: "sms" }),
  teo: of("22", "Teo Vidal", "es", { door: "sms" }),
  jan: of("23", "Jan Lis", "pl", { door: "sms" }),
  tala: of("24", "تالا حمدان", "ar", { door: "sms" }),
  mia: of("31", "Mia Penn", "en", { door: "mail", mail: "mia@people.example" }),
  mar: of("32", "Mar Soler", "es", { door: "mail", mail: "mar@people.example" }),
  mila: of("33", "Mila Zając", "pl", { door: "mail", mail: "mila@people.example", zone: "Europe/Warsaw" }),
  mona: of("34", "منى خليل", "ar", { door: "mail", mail: "mona@people.example" }),
};

export const knownPhones = ({ door, phone }) => (door === "mail" ? [] : [phone]);
