// What one day of the shop comes to: every message as the providers took it, by person, channel and kind; every
// event as the CRM took it; what became of each piece of news; every cent by customer, and what Stripe says of it.
export const EXPECTED = {
  messages: `
    a stranger, customer1@example.com, mail: 1 words
    amal, sms: 1 code
    amal, whatsapp: 1 button, 2 list, 2 template, 2 text
    ann, mail: 1 code, 2 words
    ann, whatsapp: 7 button, 2 cta_url, 4 list, 1 template, 10 text
    eva, sms: 2 code
    eva, whatsapp: 2 button, 1 document, 8 list, 1 template, 8 text
    jan, sms: 1 code, 14 words
    mar, mail: 1 code, 12 words
    mia, mail: 3 code, 1 with a file, 19 words
    mila, mail: 1 code, 9 words
    mona, mail: 1 code, 16 words
    ola, sms: 2 code
    ola, whatsapp: 3 button, 2 list, 3 template, 5 text
    tala, sms: 1 code, 2 words
    teo, sms: 1 code, 1 with a file, 8 words
    tom, sms: 1 code, 33 words
  `,
  events: `
    C-11: 1 customer.verified, 1 invoice.viewed, 1 payment.made, 1 portal.login, 1 review.completed, 1 ticket.opened
    C-12: 1 contact.opted_in, 2 customer.verified, 1 handoff.asked, 1 handoff.returned, 1 handoff.taken, 1 message.received, 2 review.completed
    C-13: 2 customer.verified, 1 order.cancellation_requested
    C-14: 1 contact.opted_in, 1 contact.opted_out, 1 customer.verified
    C-21: 4 contact.opted_in, 1 customer.verified, 1 invoice.viewed, 1 order.cancellation_requested, 1 payment.failed, 1 payment.made
    C-22: 1 customer.verified, 1 invoice.viewed, 1 payment.made
    C-23: 2 contact.opted_in, 1 customer.verified
    C-24: 1 contact.opted_in, 1 contact.opted_out, 1 customer.verified
    C-31: 1 contact.opted_in, 3 customer.verified, 1 review.skipped
    C-32: 1 contact.opted_out, 1 customer.verified, 1 ticket.opened
    C-33: 1 customer.verified, 1 handoff.asked, 1 handoff.returned, 1 message.received
    C-34: 1 customer.verified, 1 invoice.viewed, 1 payment.made, 2 review.completed, 1 ticket.opened
  `,
  notices: `
    C-11: 1 delivered by whatsapp, 1 delivered replaced, 1 invoice_issued by email, 1 order_status by email, 1 out_for_delivery by whatsapp, 1 payment_received by whatsapp, 1 review_asked by the template review_asked, 1 review_reminder replaced, 1 shipped by whatsapp, 1 shipped replaced, 1 ticket_answered by whatsapp
    C-12: 1 delivered by whatsapp, 1 delivered replaced, 1 invoice_issued nowhere, 1 order_status nowhere, 1 review_asked by the template review_asked, 1 review_reminder replaced, 1 shipped by whatsapp, 1 shipped replaced
    C-13: 1 cancellation_decided by whatsapp, 1 delivered by the template order_delivered, 1 delivered replaced, 1 document_ready by whatsapp, 1 invoice_issued nowhere, 1 order_status nowhere, 1 review_asked by the template review_asked, 1 review_reminder by the template review_reminder, 1 shipped by whatsapp, 1 shipped replaced
    C-14: 1 delivered by whatsapp, 1 delivered replaced, 1 invoice_issued nowhere, 1 order_status nowhere, 1 review_asked by the template review_asked, 1 review_reminder by the template review_reminder, 1 shipped replaced, 1 shipped stopped
    C-21: 1 cancellation_decided by sms, 1 invoice_issued nowhere, 1 order_status nowhere, 1 payment_failed by sms, 1 payment_received by sms, 1 refunded by sms
    C-22: 1 invoice_issued nowhere, 1 order_status nowhere, 1 payment_received by sms
    C-23: 1 delivered by sms, 1 delivered replaced, 1 invoice_issued nowhere, 1 order_status nowhere, 1 review_asked by sms, 1 review_reminder by sms, 1 shipped by sms, 1 shipped replaced
    C-24: 1 invoice_issued nowhere, 1 order_status nowhere, 1 shipped replaced, 1 shipped stopped
    C-31: 1 delivered by email, 1 delivered replaced, 1 invoice_issued by email, 1 order_status by email, 1 out_for_delivery by email, 1 review_asked by email, 1 review_reminder replaced, 1 shipped by email, 1 shipped replaced
    C-32: 1 invoice_issued by email, 1 order_status by email, 1 shipped replaced, 1 shipped unwanted
    C-33: 1 invoice_issued by email, 1 order_status by email, 1 shipped by email, 1 shipped replaced
    C-34: 1 delivered by email, 1 document_ready by email, 1 invoice_issued by email, 1 order_status by email, 1 payment_received by email, 1 review_asked by email, 1 review_reminder replaced, 1 shipped by email
  `,
  cents: `
    C-11 charged 3101 paid 3101 paid back 0 voided 0 owes 0
    C-12 charged 3202 paid 0 paid back 0 voided 0 owes 3202
    C-13 charged 3303 paid 0 paid back 0 voided 0 owes 3303
    C-14 charged 3404 paid 0 paid back 0 voided 0 owes 3404
    C-21 charged 4111 paid 4111 paid back 4111 voided 4111 owes 0
    C-22 charged 4212 paid 4212 paid back 0 voided 0 owes 0
    C-23 charged 4313 paid 0 paid back 0 voided 0 owes 4313
    C-24 charged 4414 paid 0 paid back 0 voided 0 owes 4414
    C-31 charged 5121 paid 0 paid back 0 voided 0 owes 5121
    C-32 charged 5222 paid 0 paid back 0 voided 0 owes 5222
    C-33 charged 5323 paid 0 paid back 0 voided 0 owes 5323
    C-34 charged 5424 paid 2000 paid back 0 voided 0 owes 3424
  `,
  cash: `
    C-11: 1 link complete and paid, 1 payment of 3101
    C-21: 1 link complete and paid, 1 link expired and unpaid, 1 payment of 4111, 1 refund of 4111 succeeded
    C-22: 1 link complete and paid, 1 payment of 4212
    C-34: 1 link complete and paid, 1 payment of 2000
  `,
};
