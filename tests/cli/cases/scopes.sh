# A metric per condition with derived inputs, and one over the study.
/usr/bin/python3 "$MAKE_RUNS" runs
workbench run seed-spread --in runs/*.h5
echo "exit $?"
workbench run seed-spread --in runs/*.h5 > /dev/null
workbench run seed-spread --in runs/*.h5 --rectify > /dev/null
workbench run condition-distance --in runs/*.h5
echo "exit $?"
