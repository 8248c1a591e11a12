-- Nobody but a turn writes messages, and only into conversations that it has locked; nobody promises a
-- message that the same transaction has not just written. Asking again for each row whether it is so was
-- a tenth of PostgreSQL's work.
alter table outbox drop constraint outbox_org_id_conversation_id_seq_fkey;
alter table messages drop constraint messages_org_id_conversation_id_fkey;
