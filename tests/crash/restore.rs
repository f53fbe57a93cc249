//! Restores that are killed after each record of their journal, resumed, and compared with the source.

use super::rehearsal::{APPLY, Rehearsal};
use super::world::{Crash, crash, records};
use crate::support::{Options, Oracle};

#[test]
fn a_restore_survives_a_kill_after_any_record() {
    let rehearsal = Rehearsal::new(Options::new(15));
    let (source, target) = (&rehearsal.source, &rehearsal.target);
    let oracle = Oracle::new();
    let before = oracle.portrait((source.cluster, &source.small));
    let mut planned = 0;
    for record in 0.. {
        rehearsal.clean();
        let dbb = rehearsal.folder("small", "");
        if record == 0 {
            dbb.run(APPLY).expect(0);
            planned = records(&dbb);
        } else if let Crash::Ended(outcome) = crash(&dbb, record, APPLY) {
            outcome.expect(0);
            // how many steps share a record depends on who is quick
            assert!(record > planned * 3 / 4, "no crash after record {record} of {planned}");
            break;
        } else {
            rehearsal.resume(&dbb, record);
        }
        if let Some(differences) = oracle.differences_since(&before, (target, &rehearsal.restored)) {
            panic!("after a crash at record {record} of about {planned}:\n{differences}");
        }
        oracle.assert_same_roles(source.cluster, target, &[&source.owner]);
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbb_restore'";
        assert_eq!(target.query(&rehearsal.restored, left), "0", "after a crash at record {record}");
    }
    println!("{planned} records");
}
