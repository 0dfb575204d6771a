//! Turning one list into another in few steps, so that the view rebuilds only rows that changed.

/// One step. Indices are valid when the steps are done in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Take out the row
    Remove(usize),
    /// Put in the new row of this index
    Insert(usize),
    /// Replace by the new row of this index
    Set(usize),
}

/// The steps from `old` to `new`: what is the same at both ends stays, what lies between is exchanged.
pub fn steps<T: PartialEq>(old: &[T], new: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<Step> {
    let shorter = old.len().min(new.len());
    let head = (0..shorter).take_while(|&index| same(&old[index], &new[index])).count();
    let tail = (1..=shorter - head).take_while(|&back| same(&old[old.len() - back], &new[new.len() - back])).count();
    let mut steps = Vec::new();
    steps.extend((head..old.len() - tail).rev().map(Step::Remove));
    steps.extend((head..new.len() - tail).map(Step::Insert));
    steps.extend((0..head).filter(|&index| old[index] != new[index]).map(Step::Set));
    steps.extend(
        (1..=tail)
            .rev()
            .filter(|&back| old[old.len() - back] != new[new.len() - back])
            .map(|back| Step::Set(new.len() - back)),
    );
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with an identity and a value.
    type Row = (u32, char);

    fn check(old: &[Row], new: &[Row]) -> usize {
        let steps = steps(old, new, |a, b| a.0 == b.0);
        let mut list = old.to_vec();
        for step in &steps {
            match *step {
                Step::Remove(index) => {
                    list.remove(index);
                }
                Step::Insert(index) => list.insert(index, new[index]),
                Step::Set(index) => list[index] = new[index],
            }
        }
        assert_eq!(list, new);
        steps.len()
    }

    #[test]
    fn few_steps_lead_from_one_list_to_the_other() {
        let base = [(1, 'a'), (2, 'a'), (3, 'a')];
        assert_eq!(check(&base, &base), 0);
        assert_eq!(check(&base, &[(1, 'a'), (2, 'b'), (3, 'a')]), 1);
        assert_eq!(check(&base, &[(1, 'a'), (2, 'a'), (3, 'a'), (4, 'a')]), 1);
        assert_eq!(check(&base, &[(0, 'a'), (1, 'b'), (2, 'a'), (3, 'a')]), 2);
        assert_eq!(check(&base, &[(1, 'a'), (3, 'a')]), 1);
        assert_eq!(check(&base, &[(3, 'a'), (1, 'a'), (2, 'a')]), 6);
        assert_eq!(check(&[], &base), 3);
        assert_eq!(check(&base, &[]), 3);
        assert_eq!(check(&[(1, 'a'), (1, 'a')], &[(1, 'a')]), 1);
    }
}
