-- Wide rows: text of some kilobytes, jsonb documents, bytea that does not compress.
-- :bytes is about how many bytes the table takes on disk.
\set ON_ERROR_STOP on
select (:bytes::bigint / 12500) as wide_rows \gset
create table wide (
    id bigint primary key,
    body text not null,
    document jsonb not null,
    content bytea not null);
-- Half of the columns' bytes are incompressible, as in pictures or packed documents.
insert into wide
select i,
       (select string_agg('Paragraph ' || p || ' says ' || md5(i || '.' || p) || ' and goes on. ', E'\n' order by p)
        from generate_series(1, 40) p),
       jsonb_build_object('id', i, 'kind', (array['letter', 'invoice', 'photo'])[1 + i % 3],
           'lines', (select jsonb_agg(jsonb_build_object('line', p, 'sku', md5(i || ':' || p), 'amount', (i * p) % 997) order by p)
                     from generate_series(1, 40) p)),
       (select string_agg(decode(md5(i || '/' || p), 'hex'), '' order by p) from generate_series(1, 320) p)
from generate_series(1, :wide_rows) i;
