-- What is in a database, read without dbb: one line a thing, sorted.
-- run.sh asks both servers and compares the answers.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep '  '
set search_path = '';
set timezone = 'UTC';
set extra_float_digits = 3;
set row_security = off;
set client_min_messages = warning;

-- every table and materialized view: its rows, and a digest of them all
select format('select %L, %L, count(*), md5(string_agg(md5(r::text), '''' order by md5(r::text) collate "C")) from %s %I.%I r',
              case c.relkind when 'm' then 'view rows' else 'rows' end, format('%I.%I', n.nspname, c.relname),
              case c.relkind when 'm' then '' else 'only' end, n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by c.relkind = 'm', n.nspname collate "C", c.relname collate "C" \gexec

select 'large object', m.oid, pg_catalog.pg_get_userbyid(m.lomowner), m.lomacl, md5(lo_get(m.oid))
from pg_catalog.pg_largeobject_metadata m order by m.oid;

select 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
       rolconnlimit, rolvaliduntil, md5(rolpassword), pg_catalog.shobj_description(oid, 'pg_authid')
from pg_catalog.pg_authid where rolname !~ '^pg_' and rolname <> current_user order by rolname collate "C";

select 'member', r.rolname, m.rolname, a.admin_option
from pg_catalog.pg_auth_members a
join pg_catalog.pg_roles r on r.oid = a.roleid join pg_catalog.pg_roles m on m.oid = a.member
where r.rolname !~ '^pg_' order by r.rolname collate "C", m.rolname collate "C";

select 'setting', coalesce(d.datname, '*'), coalesce(r.rolname, '*'), s.setconfig
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_database d on d.oid = s.setdatabase left join pg_catalog.pg_roles r on r.oid = s.setrole
order by coalesce(d.datname, '*') collate "C", coalesce(r.rolname, '*') collate "C";

select 'database', datname, pg_catalog.pg_get_userbyid(datdba), pg_catalog.pg_encoding_to_char(encoding), datcollate,
       (select string_agg(a::text, ' ' order by a::text collate "C") from unnest(datacl) a),
       pg_catalog.shobj_description(oid, 'pg_database')
from pg_catalog.pg_database where datname = pg_catalog.current_database();

select 'relation', c.oid::regclass, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), c.relispopulated,
       (select string_agg(a::text, ' ' order by a::text collate "C") from unnest(c.relacl) a)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by c.oid::regclass::text collate "C";

select 'constraint', conrelid::regclass, conname, convalidated, pg_catalog.pg_get_constraintdef(oid)
from pg_catalog.pg_constraint where connamespace::regnamespace::text !~ '^(pg_|information_schema)'
order by conrelid::regclass::text collate "C", conname collate "C";

select 'trigger', tgrelid::regclass, tgname, tgenabled, pg_catalog.pg_get_triggerdef(oid)
from pg_catalog.pg_trigger where not tgisinternal order by tgrelid::regclass::text collate "C", tgname collate "C";

select 'sequence', format('%I.%I', schemaname, sequencename), start_value, increment_by, last_value
from pg_catalog.pg_sequences order by format('%I.%I', schemaname, sequencename) collate "C";
