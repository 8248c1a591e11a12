-- Of many letters of one delivery only the first has it; the others name that one.
alter table dead_letters add column whole_in uuid;
